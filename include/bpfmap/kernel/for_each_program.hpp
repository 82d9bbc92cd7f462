// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_FOR_EACH_PROGRAM_HPP
#define BPFMAP_KERNEL_FOR_EACH_PROGRAM_HPP

// Programs that look at every element of a map, inside the kernel, and leave what they find in memory shared with this
// process. Linux 5.14 (BPF_PROG_TYPE_SYSCALL; bpf_for_each_map_elem is of 5.13), and CAP_BPF to load.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <system_error>

#include <bpfmap/core/error.hpp>
#include <bpfmap/kernel/assembler.hpp>
#include <bpfmap/kernel/fd.hpp>
#include <bpfmap/kernel/function_types.hpp>
#include <bpfmap/kernel/list_program.hpp>
#include <bpfmap/kernel/scratch_array.hpp>
#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// What such a program leaves. Its counters lie here and not in registers because the verifier would follow a
/// register's value through every round, up to a million instructions; what it loads from memory may be anything.
struct for_each_report {
  std::uint64_t matched = 0;  ///< elements that it was to look for
  std::uint64_t total = 0;    ///< the sum over these
  std::int64_t result = 0;    ///< what bpf_for_each_map_elem said: for how many it called back, or a negative errno
};

/// What a program does with each element: instructions, written by anything that is called as body(assembler, next). It
/// finds the key's address in r6, the value's in r7 and the report's, which begins the memory, in r8; it keeps these
/// three, and jumps to `next` when it is done with the element. Refers to what it was made from.
class element_body {
 public:
  template <class Write>
    requires(!std::same_as<Write, element_body>)
  element_body(Write const& write) noexcept  // NOLINT(*-explicit-*): a view, for arguments
      : write_(std::addressof(write)), call_([](void const* it, bpf::assembler& code, bpf::label next) noexcept {
          (*static_cast<Write const*>(it))(code, next);
        }) {}

  void operator()(bpf::assembler& code, bpf::label next) const noexcept { call_(write_, code, next); }

 private:
  void const* write_;
  void (*call_)(void const*, bpf::assembler&, bpf::label) noexcept;
};

/// Loads a program that does `body` for each element of the map:
///   report.result = bpf_for_each_map_elem(map, callback, NULL, 0); return 0;
///   callback: body; return 0;
///
/// The kernel walks the buckets of a hash without their locks (kernel/bpf/hashtab.c, bpf_for_each_hash_elem), and calls
/// back without a pause: for a million elements and more it holds the CPU for 100 ms.
/// @errors those of function_types::load() and load_syscall_program(); EINVAL the map has no such walk, or, before
///         Linux 6.1, its elements are not preallocated; EACCES the values hold a bpf_spin_lock or the like
/// @cost 0.2 ms
inline unique_fd load_for_each_program(int map_fd, scratch_array const& memory, element_body const& body,
                                       std::error_code& ec) noexcept {
  using bpf::reg;
  bpf::assembler code;
  bpf::label const callback = code.new_label();
  bpf::label const next = code.new_label();
  code << bpf::load_map(reg::r1, map_fd);
  code.load_function(reg::r2, callback);
  code << bpf::move(reg::r3, 0) << bpf::move(reg::r4, 0) << bpf::call(bpf::helper::for_each_map_elem);
  code << bpf::load_map_value(reg::r6, memory.fd(), 0)
       << bpf::store(reg::r6, offsetof(for_each_report, result), reg::r0, 8);
  code << bpf::move(reg::r0, 0) << bpf::exit();
  code.place(callback);
  std::uint32_t const callback_at = code.size();
  // A callback is given the map, the key, the value and the context.
  code << bpf::move(reg::r6, reg::r2) << bpf::move(reg::r7, reg::r3) << bpf::load_map_value(reg::r8, memory.fd(), 0);
  body(code, next);
  code.place(next);
  code << bpf::move(reg::r0, 0) << bpf::exit();
  auto const types = function_types::load(ec);
  if (ec) return {};
  std::array<bpf_func_info, 2> const places{{{0, types.function()}, {callback_at, types.function()}}};
  return load_syscall_program("bpfmap_walk", code, ec, {types.fd(), places.data(), 2});
}

/// Runs it.
/// @errors what bpf_for_each_map_elem refused
inline for_each_report run_for_each_program(int program_fd, scratch_array const& memory, std::error_code& ec) noexcept {
  for_each_report report;
  std::memcpy(memory.data(), &report, sizeof report);
  run_syscall_program(program_fd, ec);
  std::memcpy(&report, memory.data(), sizeof report);
  if (!ec && report.result < 0) ec = make_error(static_cast<int>(report.result));
  return report;
}

// r1 = report.matched++
inline void emit_matched_element(bpf::assembler& code) noexcept {
  using bpf::reg;
  constexpr std::uint32_t matched = offsetof(for_each_report, matched);
  code << bpf::load(reg::r1, reg::r8, matched, 8) << bpf::move(reg::r2, reg::r1)
       << bpf::compute(bpf::alu::add, reg::r2, 1) << bpf::store(reg::r8, matched, reg::r2, 8);
}

/// Where a dump has the parts of each element. All sizes in bytes.
struct dump_layout {
  std::uint32_t key_size;
  std::uint32_t value_size;  ///< 0: keys only

  [[nodiscard]] std::size_t value_at() const noexcept { return round_up(key_size, 8); }
  [[nodiscard]] std::size_t element_bytes() const noexcept { return value_at() + round_up(value_size, 8); }
};

/// Body of a program that copies elements into `room`, which has places of dump_layout::element_bytes() for `places`:
///   i = report.matched++; if (i < places) room[i] = {key, value}
/// So it copies as many as there is room for, and counts the others. If `room` is `whole`, one element of its array
/// holds all places, and the program reaches them by their address; else each is an element, to be looked up.
inline void emit_dump(bpf::assembler& code, bpf::label next, scratch_array const& room, bool whole,
                      std::uint32_t places, dump_layout const& layout) noexcept {
  using bpf::reg;
  emit_matched_element(code);
  if (whole) {
    code.jump_if(reg::r1, bpf::when::at_least, static_cast<std::int32_t>(places), next);
    code << bpf::compute(bpf::alu::multiply, reg::r1, static_cast<std::int32_t>(layout.element_bytes()))
         << bpf::load_map_value(reg::r0, room.fd(), 0) << bpf::compute(bpf::alu::add, reg::r0, reg::r1);
  } else {
    code << bpf::store(reg::r10, static_cast<std::uint32_t>(-4), reg::r1, 4);
    code << bpf::load_map(reg::r1, room.fd()) << bpf::move(reg::r2, reg::r10)
         << bpf::compute(bpf::alu::add, reg::r2, -4) << bpf::call(bpf::helper::map_lookup_elem);
    code.jump_if(reg::r0, bpf::when::equal, 0, next);
  }
  code.copy(reg::r0, 0, reg::r6, 0, layout.key_size, reg::r1);
  code.copy(reg::r0, static_cast<std::uint32_t>(layout.value_at()), reg::r7, 0, layout.value_size, reg::r1);
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
