// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_PREDICATE_CODE_HPP
#define BPFMAP_KERNEL_PREDICATE_CODE_HPP

// Questions about one element, as instructions of a program that looks at every element of a map (see
// load_for_each_program): the key is at r6, the value at r7, the report at r8.

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <bpfmap/core/predicate.hpp>
#include <bpfmap/kernel/assembler.hpp>
#include <bpfmap/kernel/for_each_program.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

// r1 = the integer, in 64 bits
inline void emit_load(bpf::assembler& code, integer_place const& at) noexcept {
  using bpf::alu;
  using bpf::reg;
  reg const base = at.from == side::key ? reg::r6 : reg::r7;
  if (at.offset <= static_cast<std::uint32_t>(std::numeric_limits<std::int16_t>::max())) {
    code << bpf::load(reg::r1, base, at.offset, at.bytes);
  } else {
    code << bpf::move(reg::r1, base) << bpf::compute(alu::add, reg::r1, static_cast<std::int32_t>(at.offset))
         << bpf::load(reg::r1, reg::r1, 0, at.bytes);
  }
  if (at.is_signed && at.bytes < 8) {
    int const unused = 64 - 8 * at.bytes;
    code << bpf::compute(alu::shift_left, reg::r1, unused) << bpf::compute(alu::shift_right_signed, reg::r1, unused);
  }
}

// r1 `what` ..., when r1 has a sign or not.
constexpr bpf::when condition(relation what, bool is_signed) noexcept {
  using bpf::when;
  switch (what) {
    case relation::equal:
      return when::equal;
    case relation::not_equal:
      return when::not_equal;
    case relation::less:
      return is_signed ? when::signed_less : when::less;
    case relation::at_most:
      return is_signed ? when::signed_at_most : when::at_most;
    case relation::greater:
      return is_signed ? when::signed_greater : when::greater;
    case relation::at_least:
      return is_signed ? when::signed_at_least : when::at_least;
  }
  return when::equal;
}

// To `yes` if it holds, else to `no`.
inline void emit_comparison(bpf::assembler& code, integer_place const& left, relation what, whole_number right,
                            bpf::label yes, bpf::label no) noexcept {
  using bpf::reg;
  constexpr auto int64_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  constexpr auto int32_max = static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max());
  bool const below_all = right.negative && !left.is_signed;
  bool const above_all = !right.negative && left.is_signed && right.bits > int64_max;
  if (below_all || above_all) {
    // Also here both ways lead somewhere: the kernel refuses programs with parts that no way leads to.
    bool const answer = holds(what, below_all ? std::strong_ordering::greater : std::strong_ordering::less);
    code << bpf::move(reg::r1, 0);
    code.jump_if(reg::r1, answer ? bpf::when::equal : bpf::when::not_equal, 0, yes);
  } else {
    emit_load(code, left);
    // A constant in the instruction is extended with its sign.
    if (!right.negative && right.bits <= int32_max) {
      code.jump_if(reg::r1, condition(what, left.is_signed), static_cast<std::int32_t>(right.bits), yes);
    } else {
      code << bpf::load_constant(reg::r2, right.bits);
      code.jump_if(reg::r1, condition(what, left.is_signed), reg::r2, yes);
    }
  }
  code.jump(no);
}

template <class Key, class Value, class Left>
void emit_question(bpf::assembler& code, comparison<Left> const& it, bpf::label yes, bpf::label no) noexcept {
  emit_comparison(code, it.left.template place<Key, Value>(), it.what, it.right, yes, no);
}
template <class Key, class Value, class A>
void emit_question(bpf::assembler& code, negation<A> const& it, bpf::label yes, bpf::label no) noexcept;
template <class Key, class Value, class A, class B, bool Both>
void emit_question(bpf::assembler& code, junction<A, B, Both> const& it, bpf::label yes, bpf::label no) noexcept {
  bpf::label const second = code.new_label();
  emit_question<Key, Value>(code, it.a, Both ? second : yes, Both ? no : second);
  code.place(second);
  emit_question<Key, Value>(code, it.b, yes, no);
}
template <class Key, class Value, class A>
void emit_question(bpf::assembler& code, negation<A> const& it, bpf::label yes, bpf::label no) noexcept {
  emit_question<Key, Value>(code, it.a, no, yes);
}

/// Goes on if the element is asked for, else to `next`.
template <class Key, class Value, class Question>
void emit_filter(bpf::assembler& code, Question const& asked, bpf::label next) noexcept {
  if constexpr (!std::same_as<Question, everything>) {
    bpf::label const yes = code.new_label();
    emit_question<Key, Value>(code, asked, yes, next);
    code.place(yes);
  }
}

// report.total += the integer
inline void emit_add(bpf::assembler& code, integer_place const& at) noexcept {
  using bpf::reg;
  constexpr std::uint32_t total = offsetof(for_each_report, total);
  emit_load(code, at);
  code << bpf::load(reg::r2, reg::r8, total, 8) << bpf::compute(bpf::alu::add, reg::r2, reg::r1)
       << bpf::store(reg::r8, total, reg::r2, 8);
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
