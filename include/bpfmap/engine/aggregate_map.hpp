// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_AGGREGATE_MAP_HPP
#define BPFMAP_ENGINE_AGGREGATE_MAP_HPP

// What maps of bytes do with all of their elements at once: walks inside the kernel, and counts, sums and the largest
// of them without a copy of all.

#include <algorithm>
#include <cstdint>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <bpfmap/core/bulk.hpp>
#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/predicate.hpp>
#include <bpfmap/engine/bulk_map.hpp>
#include <bpfmap/engine/kernel_walk.hpp>
#include <bpfmap/engine/walk_range.hpp>
#include <bpfmap/kernel/predicate_code.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// A class whose elements a program can copy.
template <map_type Type, class Values>
concept kernel_walkable =
    iterable<Type> && readable_values<Type, Values> &&
    because<!Values::per_cpu,
            "a program that walks a per-CPU map sees only the slots of the CPU that it runs on: leave walk out"> &&
    because<static_cast<bool>(traits_of(Type).for_each),
            "the kernel has no bpf_for_each_map_elem for this map type: leave walk out">;

/// Maps whose elements can be walked over, and summed up, by programs inside the kernel.
template <class Derived, map_type Type, class Key, class Values>
class aggregate_map : public bulk_map<Derived, Type, Key, Values> {
  using base = bulk_map<Derived, Type, Key, Values>;

 public:
  using key_type = Key;
  using mapped_type = typename base::mapped_type;
  using value_type = typename base::value_type;
  using size_type = typename base::size_type;

  using base::entries;
  using base::for_each;
  using base::keys;
  using base::values;

  /// All elements, keys or values, as those without `how`; with walk::in_kernel copied by a program that bpfmap loads
  /// for it (bpf_for_each_map_elem; Linux 5.14, CAP_BPF), 2 to 4 times as fast as by batch, of arrays 6 to 11 times,
  /// where that is worth it: where a tenth of the buckets hold elements, there are some thousands of them, a million
  /// buckets at the most, and not more than 256 MiB to copy. Else by batch; walked_by() tells which it was.
  ///
  /// The program takes no locks (kernel/bpf/hashtab.c, bpf_for_each_hash_elem). So of a hash that others write
  /// meanwhile it gives less than a batch:
  /// - A key whose value is replaced is seen with either value, or with both, or not at all: the kernel puts a new
  ///   element at the head of the bucket, and then takes the old one out.
  /// - An element that was taken out, because its key was deleted or its value replaced, is used again at once, for any
  ///   key, also of another bucket (only maps with map_flags::no_prealloc wait for readers, before Linux 6.1). If that
  ///   happens while it is copied, the bytes of its key may be part old, part new, and the value may be another key's.
  ///   And a walk that stands on it goes on in the other bucket: elements of its own that nobody touches may then be
  ///   missed, and others be seen twice.
  /// - Values of more than 8 bytes may be half written.
  /// An element is surely seen once if nothing is replaced, deleted or evicted meanwhile (adding, and writing to a
  /// value in place, as programs do, does not matter). Of an array there is nothing that a batch would give more.
  /// @errors as entries(); with set_bulk_path(bulk_path::in_kernel), why the kernel does not walk
  /// @cost in the kernel 0.2 ms, then 25 to 100 ns an element and 16 ns a bucket, when this CPU may do nothing else;
  ///       kernel memory for the copies (each of key and value on a multiple of 8 bytes) as long as the walk lives
  /// @code
  /// for (auto const& [key, stats] : flows.entries(bpfmap::walk::in_kernel)) …
  /// @endcode
  [[nodiscard]] auto entries(walk how, std::error_code& ec) const& noexcept
    requires kernel_walkable<Type, Values>
  {
    return range<part::entry>(how, &ec);
  }
  [[nodiscard]] auto entries(walk how) const&
    requires kernel_walkable<Type, Values> && throwing<>
  {
    return range<part::entry>(how, nullptr);
  }
  [[nodiscard]] auto keys(walk how, std::error_code& ec) const& noexcept
    requires kernel_walkable<Type, Values>
  {
    return range<part::key>(how, &ec);
  }
  [[nodiscard]] auto keys(walk how) const&
    requires kernel_walkable<Type, Values> && throwing<>
  {
    return range<part::key>(how, nullptr);
  }
  [[nodiscard]] auto values(walk how, std::error_code& ec) const& noexcept
    requires kernel_walkable<Type, Values>
  {
    return range<part::value>(how, &ec);
  }
  [[nodiscard]] auto values(walk how) const&
    requires kernel_walkable<Type, Values> && throwing<>
  {
    return range<part::value>(how, nullptr);
  }
  template <class... A>
  void entries(walk, A&&...) const&&
    requires kernel_walkable<Type, Values> && view_arguments<A...>
  {
    refuse_temporary<A...>();
  }
  template <class... A>
  void keys(walk, A&&...) const&&
    requires kernel_walkable<Type, Values> && view_arguments<A...>
  {
    refuse_temporary<A...>();
  }
  template <class... A>
  void values(walk, A&&...) const&&
    requires kernel_walkable<Type, Values> && view_arguments<A...>
  {
    refuse_temporary<A...>();
  }

  /// Calls `f(key, value)` for all elements, as for_each(f); the walk of entries(how).
  template <visitor<key_type, mapped_type> F>
    requires kernel_walkable<Type, Values>
  size_type for_each(F&& f, walk how, std::error_code& ec) const
      noexcept(std::is_nothrow_invocable_v<F, key_type const&, mapped_type const&>) {
    auto elements = walker<map_walker>(part::entry, how);
    size_type const seen = this->visit(elements, f, ec);
    noted(elements);
    return seen;
  }
  template <visitor<key_type, mapped_type> F>
    requires kernel_walkable<Type, Values> && throwing<>
  size_type for_each(F&& f, walk how) const {
    std::error_code ec;
    size_type const seen = for_each(std::forward<F>(f), how, ec);
    if (ec) this->raise_walk(operation::for_each, ec);
    return seen;
  }

  /// For how many elements `asked` holds: comparisons of integer members with integers, joined by &&, || and !. Where
  /// that is worth it, the question is put to each element inside the kernel, and no element is copied; else, as where
  /// it cannot be, to the elements of a walk by batch. walked_by() tells which. Of per-CPU maps the
  /// question is about reduced values, which are walked over (those of a percpu_array are reduced in the kernel).
  /// @param how  walk::batch for what only a walk by batch promises: each element that stays counts exactly once. A
  ///             program takes no locks, so of a map that others write meanwhile the count is approximate, as entries()
  ///             with walk::in_kernel says
  /// @errors as entries(how)
  /// @cost in the kernel 0.2 ms (the question is compiled and loaded for this call), then 25 to 100 ns an element and
  ///       16 ns a bucket, during which this CPU does nothing else; small maps by batch
  /// @code
  /// auto heavy = flows.count_if(field(&stats::bytes) > 1'000'000 && key_field(&flow_key::port) == 443);
  /// @endcode
  template <class Question>
    requires iterable<Type> && readable_values<Type, Values> && question_about<Question, Key, mapped_type>
  [[nodiscard]] size_type count_if(Question const& asked, walk how, std::error_code& ec) const
      noexcept(Values::nothrow) {
    return total(asked, no_operand{}, how, ec).matched;
  }
  template <class Question>
    requires iterable<Type> && readable_values<Type, Values> && question_about<Question, Key, mapped_type>
  [[nodiscard]] size_type count_if(Question const& asked, std::error_code& ec) const noexcept(Values::nothrow) {
    return count_if(asked, walk::in_kernel, ec);
  }
  template <class Question>
    requires iterable<Type> && readable_values<Type, Values> && question_about<Question, Key, mapped_type> && throwing<>
  [[nodiscard]] size_type count_if(Question const& asked, walk how = walk::in_kernel) const {
    std::error_code ec;
    size_type const count = count_if(asked, how, ec);
    if (ec) this->raise_walk(operation::count_if, ec);
    return count;
  }

  /// The sum of an integer over all elements, or over those that `asked` holds for, in 64 bits: std::int64_t if it has
  /// a sign, else std::uint64_t. What does not fit is lost, as the sum modulo 2 to the 64.
  /// @param how  as count_if(), as are errors and cost
  /// @code
  /// std::uint64_t bytes = flows.sum(field(&stats::bytes));
  /// std::uint64_t https = flows.sum_if(field(&stats::bytes), key_field(&flow_key::port) == 443);
  /// @endcode
  template <class Operand>
    requires iterable<Type> && readable_values<Type, Values> && operand_of<Operand, Key, mapped_type>
  [[nodiscard]] auto sum(Operand const& of, walk how, std::error_code& ec) const noexcept(Values::nothrow) {
    return sum_if(of, everything{}, how, ec);
  }
  template <class Operand>
    requires iterable<Type> && readable_values<Type, Values> && operand_of<Operand, Key, mapped_type>
  [[nodiscard]] auto sum(Operand const& of, std::error_code& ec) const noexcept(Values::nothrow) {
    return sum_if(of, everything{}, walk::in_kernel, ec);
  }
  template <class Operand>
    requires iterable<Type> && readable_values<Type, Values> && operand_of<Operand, Key, mapped_type> && throwing<>
  [[nodiscard]] auto sum(Operand const& of, walk how = walk::in_kernel) const {
    std::error_code ec;
    auto const total = sum_if(of, everything{}, how, ec);
    if (ec) this->raise_walk(operation::sum, ec);
    return total;
  }
  template <class Operand, class Question>
    requires iterable<Type> && readable_values<Type, Values> && operand_of<Operand, Key, mapped_type> &&
             question_about<Question, Key, mapped_type>
  [[nodiscard]] auto sum_if(Operand const& of, Question const& asked, walk how, std::error_code& ec) const
      noexcept(Values::nothrow) {
    return static_cast<sum_of<Operand, Key, mapped_type>>(total(asked, of, how, ec).total);
  }
  template <class Operand, class Question>
    requires iterable<Type> && readable_values<Type, Values> && operand_of<Operand, Key, mapped_type> &&
             question_about<Question, Key, mapped_type>
  [[nodiscard]] auto sum_if(Operand const& of, Question const& asked, std::error_code& ec) const
      noexcept(Values::nothrow) {
    return sum_if(of, asked, walk::in_kernel, ec);
  }
  template <class Operand, class Question>
    requires iterable<Type> && readable_values<Type, Values> && operand_of<Operand, Key, mapped_type> &&
             question_about<Question, Key, mapped_type> && throwing<>
  [[nodiscard]] auto sum_if(Operand const& of, Question const& asked, walk how = walk::in_kernel) const {
    std::error_code ec;
    auto const total = sum_if(of, asked, how, ec);
    if (ec) this->raise_walk(operation::sum_if, ec);
    return total;
  }

  /// The `count` elements with the largest `by`, the largest first; all of them if there are fewer. Which of equal ones
  /// is given is not said.
  /// @param how  as count_if(): by a walk in the kernel where that is worth it, entries(walk::in_kernel), or by batch
  /// @errors as entries(how); then nothing is given
  /// @cost as entries(how), and a heap of `count` elements
  /// @throws std::bad_alloc if there is no memory for the result (all functions)
  /// @code
  /// for (auto const& [key, stats] : flows.top(10, field(&stats::bytes))) …
  /// @endcode
  template <class Operand>
    requires iterable<Type> && readable_values<Type, Values> && operand_of<Operand, Key, mapped_type>
  [[nodiscard]] std::vector<value_type> top(size_type count, Operand const& by, walk how, std::error_code& ec) const {
    auto const before = [&by](value_type const& a, value_type const& b) {
      return read(by.of(a.first, a.second)) > read(by.of(b.first, b.second));
    };
    std::vector<value_type> best;  // a heap, the smallest of them in front
    auto elements = walker<map_walker>(part::entry, how);
    while (std::uint32_t const block = elements.next(ec)) {
      for (std::uint32_t i = 0; i < block; ++i) {
        value_type const element(this->key_at(elements, i), this->value_at(elements, i));
        if (best.size() == count) {
          if (count == 0 || !before(element, best.front())) continue;
          std::pop_heap(best.begin(), best.end(), before);
          best.pop_back();
        }
        best.push_back(element);
        std::push_heap(best.begin(), best.end(), before);
      }
    }
    noted(elements);
    if (ec) best.clear();
    std::sort_heap(best.begin(), best.end(), before);
    return best;
  }
  template <class Operand>
    requires iterable<Type> && readable_values<Type, Values> && operand_of<Operand, Key, mapped_type>
  [[nodiscard]] std::vector<value_type> top(size_type count, Operand const& by, std::error_code& ec) const {
    return top(count, by, walk::in_kernel, ec);
  }
  template <class Operand>
    requires iterable<Type> && readable_values<Type, Values> && operand_of<Operand, Key, mapped_type> && throwing<>
  [[nodiscard]] std::vector<value_type> top(size_type count, Operand const& by, walk how = walk::in_kernel) const {
    std::error_code ec;
    auto best = top(count, by, how, ec);
    if (ec) this->raise_walk(operation::top, ec);
    return best;
  }

  /// How the last call that takes a `walk` went: in_kernel, batch, or single (by keys); automatic before the first.
  [[nodiscard]] bulk_path walked_by() const noexcept { return walked_by_.get(); }

 private:
  template <class, part, class>
  friend class walk_range;

  template <class Walker>
  [[nodiscard]] Walker walker(part shown, walk how) const noexcept {
    return Walker(this->shape(shown == part::key), how, this->forced_path());
  }
  void noted(map_walker const& elements) const noexcept { walked_by_.set(elements.path()); }

  template <part Shown>
  [[nodiscard]] auto range(walk how, std::error_code* ec) const noexcept {
    return walk_range<aggregate_map, Shown, map_walker>(*this, ec, how);
  }

  struct no_operand {};

  // Counts the elements that are asked for, and sums their operands up.
  template <class Question, class Operand>
  [[nodiscard]] for_each_report total(Question const& asked, Operand const& of, walk how, std::error_code& ec) const
      noexcept(Values::nothrow) {
    constexpr bool adds = !std::is_same_v<Operand, no_operand>;
    walk_choice choice(this->shape(false), how, this->forced_path());
    auto const found = look_at_all(
        choice,
        [&]([[maybe_unused]] bpf::assembler& code, [[maybe_unused]] bpf::label next) noexcept {
          // walk_choice never asks for a program that would see one CPU's slots.
          if constexpr (!Values::per_cpu) {
            emit_filter<Key, mapped_type>(code, asked, next);
            emit_matched_element(code);
            if constexpr (adds) emit_add(code, of.template place<Key, mapped_type>());
          }
        },
        [&](block_walker const& blocks, std::uint32_t i, for_each_report& report) noexcept(Values::nothrow) {
          key_type const key = this->key_at(blocks, i);
          mapped_type const value = this->value_at(blocks, i);
          if (!asked(key, value)) return;
          ++report.matched;
          if constexpr (adds) report.total += read(of.of(key, value)).bits;
        },
        ec);
    walked_by_.set(choice.path());
    return ec ? for_each_report{} : found;
  }

  last_path walked_by_;
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
