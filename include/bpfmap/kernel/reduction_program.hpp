// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_REDUCTION_PROGRAM_HPP
#define BPFMAP_KERNEL_REDUCTION_PROGRAM_HPP

// The program that reduces the slots of all CPUs, for one index of a per-CPU array after the other:
//   for each index: result = zeros
//     for each possible CPU: slot = bpf_map_lookup_percpu_elem(map, &index, cpu)
//       for each number of the slot: result.number = result.number (+ min max | &) slot.number
// Needs Linux 5.19 (the helper) and CAP_BPF to load. The loops are jumps where the kernel has may_goto (6.9), and calls
// of bpf_loop before, which take twice as long; loops whose end the verifier sees would take it 100 ms to follow.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <system_error>

#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/reduction_table.hpp>
#include <bpfmap/kernel/assembler.hpp>
#include <bpfmap/kernel/function_types.hpp>
#include <bpfmap/kernel/list_program.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// The memory that the program works on: this, the ids of the CPUs, the results.
struct reduction_header {
  list_header list;           ///< its argument is the index of the first item
  std::uint32_t rank = 0;     ///< of the CPU that comes next: here for the same reason as list.next
  std::uint32_t touched = 0;  ///< whether a slot of this item has counted yet
};

/// Where things lie in that memory.
struct reduction_layout {
  std::uint32_t ids = sizeof(reduction_header);  ///< a u32 for each CPU: their ids may have holes
  std::uint32_t results = 0;
  std::uint32_t most = 0;  ///< how many results there is room for
  std::uint32_t bytes = 0;

  /// Room for `count` results, or for as many as stay in the caches, and as a program reduces in some milliseconds: it
  /// may hold its CPU so long.
  static reduction_layout of(std::uint32_t result_bytes, std::size_t cpus, std::uint32_t count) noexcept {
    constexpr std::uint32_t alignment = 64;
    constexpr std::uint32_t block_bytes = 32'768;
    constexpr std::size_t block_slots = std::size_t{1} << 18;
    reduction_layout made;
    made.results = static_cast<std::uint32_t>(round_up(made.ids + cpus * sizeof(std::uint32_t), alignment));
    auto const most = std::min(block_bytes / result_bytes, static_cast<std::uint32_t>(block_slots / cpus));
    made.most = std::clamp(most, 1U, std::max(count, 1U));
    made.bytes = made.results + made.most * result_bytes;
    return made;
  }
};

/// Writes the ids of the CPUs to where the program looks for them.
inline void place_ids(std::byte* memory, reduction_layout const& layout, cpu_set const& cpus) noexcept {
  for (std::size_t rank = 0; rank < cpus.size(); ++rank) {
    std::uint32_t const id = cpus[rank];
    std::memcpy(memory + layout.ids + rank * sizeof id, &id, sizeof id);
  }
}

/// Emits the program's parts. In all of them r6 is the memory, r8 the item's result, r0 a slot.
class reduction_emitter {
 public:
  reduction_emitter(bpf::assembler& code, reduction_table const& table, reduction_layout const& layout,
                    std::size_t cpus, int map_fd, int memory_fd) noexcept
      : code_(code),
        table_(table),
        layout_(layout),
        cpus_(static_cast<std::int32_t>(cpus)),
        map_fd_(map_fd),
        memory_fd_(memory_fd) {}

  /// What is done for item r7 of a list program with may_goto.
  void emit_item_with_jumps(bpf::label stop) const noexcept {
    using namespace bpf;
    emit_start(reg::r7);
    code_ << move(reg::r1, 0) << store(reg::r6, offsetof(reduction_header, rank), reg::r1, 4);
    label const done = code_.new_label();
    label const head = code_.new_label_here();
    code_.jump(skip_if_too_long(0), stop);
    code_ << load(reg::r1, reg::r6, offsetof(reduction_header, rank), 4);
    code_.jump_if(reg::r1, when::at_least, cpus_, done);
    code_ << move(reg::r2, reg::r1) << compute(alu::add, reg::r2, 1)
          << store(reg::r6, offsetof(reduction_header, rank), reg::r2, 4);
    code_ << move(reg::r2, reg::r10) << compute(alu::add, reg::r2, -place_bytes);
    emit_slot(stop, head);
    code_.jump(head);
    code_.place(done);
  }

  /// The same as three functions: for each item, item(its number); for each CPU, slot(its rank, the place).
  /// @return where the functions begin
  std::array<std::uint32_t, 3> emit_with_calls() const noexcept {
    using namespace bpf;
    label const item = code_.new_label();
    label const slot = code_.new_label();
    code_ << load_map_value(reg::r6, memory_fd_, 0) << load(reg::r1, reg::r6, offsetof(list_header, count), 4);
    code_.load_function(reg::r2, item);
    code_ << move(reg::r3, 0) << move(reg::r4, 0) << call(helper::loop) << move(reg::r0, 0) << exit();

    code_.place(item);
    std::uint32_t const item_at = code_.size();
    label const stop_items = code_.new_label();
    code_.jump_if(reg::r1, when::at_least, static_cast<std::int32_t>(layout_.most), stop_items);  // for the verifier
    code_ << move(reg::r7, reg::r1) << load_map_value(reg::r6, memory_fd_, 0);
    emit_start(reg::r7);
    code_ << store(reg::r10, from_end(place_result), reg::r8, 8) << move(reg::r1, cpus_);
    code_.load_function(reg::r2, slot);
    code_ << move(reg::r3, reg::r10) << compute(alu::add, reg::r3, -place_bytes) << move(reg::r4, 0)
          << call(helper::loop);
    code_.jump_if(reg::r0, when::not_equal, cpus_, stop_items);
    code_ << compute(alu::add, reg::r7, 1) << store(reg::r6, offsetof(list_header, next), reg::r7, 4)
          << move(reg::r0, 0) << exit();
    code_.place(stop_items);
    code_ << move(reg::r0, 1) << exit();

    code_.place(slot);
    std::uint32_t const slot_at = code_.size();
    label const stop_slots = code_.new_label();
    label const next = code_.new_label();
    code_.jump_if(reg::r1, when::at_least, cpus_, stop_slots);  // for the verifier
    code_ << load_map_value(reg::r6, memory_fd_, 0) << load(reg::r8, reg::r2, place_result, 8);
    emit_slot(stop_slots, next);
    code_.place(next);
    code_ << move(reg::r0, 0) << exit();
    code_.place(stop_slots);
    code_ << move(reg::r0, 1) << exit();
    return {0, item_at, slot_at};
  }

 private:
  // On the stack, its lowest 16 bytes: the index, and the address of its result.
  static constexpr std::int32_t place_bytes = 16;
  static constexpr std::uint32_t place_index = 0;
  static constexpr std::uint32_t place_result = 8;
  // As seen from r10, which points behind it.
  static constexpr std::uint32_t from_end(std::uint32_t offset) noexcept {
    return offset - static_cast<std::uint32_t>(place_bytes);
  }

  // Puts the index of an item on the stack, and zeros into its result, whose address is then in r8.
  void emit_start(bpf::reg item) const noexcept {
    using namespace bpf;
    code_ << load(reg::r1, reg::r6, offsetof(list_header, argument), 4) << compute(alu::add, reg::r1, item)
          << store(reg::r10, from_end(place_index), reg::r1, 4);
    code_ << move(reg::r8, item) << compute(alu::multiply, reg::r8, static_cast<std::int32_t>(table_.result_bytes))
          << compute(alu::add, reg::r8, reg::r6)
          << compute(alu::add, reg::r8, static_cast<std::int32_t>(layout_.results));
    code_ << move(reg::r1, 0);
    for (reduced_number const& each : table_.numbers) code_ << store(reg::r8, each.offset, reg::r1, each.result_bytes);
    if (table_.only_touched) code_ << store(reg::r6, offsetof(reduction_header, touched), reg::r1, 4);
  }

  // Takes the slot of the CPU of rank r1, of the index that r2 points to, into the result, or jumps to `next` if it
  // does not count. There is a slot for every possible CPU; the verifier asks what else.
  void emit_slot(bpf::label stop, bpf::label next) const noexcept {
    using namespace bpf;
    code_ << compute(alu::shift_left, reg::r1, 2) << compute(alu::add, reg::r1, reg::r6)
          << load(reg::r3, reg::r1, layout_.ids, 4) << load_map(reg::r1, map_fd_)
          << call(helper::map_lookup_percpu_elem);
    code_.jump_if(reg::r0, when::equal, 0, stop);
    if (table_.only_touched) emit_first_touched(next);
    for (reduced_number const& each : table_.numbers) emit_number(each);
  }

  // A slot of zeros is left out; the first other one is the result so far (and taking it in once more changes nothing).
  void emit_first_touched(bpf::label next) const noexcept {
    using namespace bpf;
    code_ << move(reg::r1, 0);
    for (std::uint32_t done = 0; done < table_.slot_bytes;) {
      std::uint32_t const left = table_.slot_bytes - done;
      std::uint32_t const step = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
      code_ << load(reg::r2, reg::r0, done, step) << compute(alu::bit_or, reg::r1, reg::r2);
      done += step;
    }
    code_.jump_if(reg::r1, when::equal, 0, next);
    label const later = code_.new_label();
    code_ << load(reg::r1, reg::r6, offsetof(reduction_header, touched), 4);
    code_.jump_if(reg::r1, when::not_equal, 0, later);
    code_ << move(reg::r1, 1) << store(reg::r6, offsetof(reduction_header, touched), reg::r1, 4);
    for (reduced_number const& each : table_.numbers) {
      code_ << load(reg::r1, reg::r0, each.offset, each.bytes)
            << store(reg::r8, each.offset, reg::r1, each.result_bytes);
    }
    code_.place(later);
  }

  // The number of the slot in r1, that of the result in r2.
  void emit_number(reduced_number const& each) const noexcept {
    using namespace bpf;
    emit_load(reg::r1, reg::r0, each, each.bytes);
    emit_load(reg::r2, reg::r8, each, each.result_bytes);
    bool const sign = each.is_signed;
    switch (each.how) {
      case reduction::add:
        code_ << compute(alu::add, reg::r2, reg::r1);
        break;
      case reduction::add_within:
        code_ << compute(alu::add, reg::r2, reg::r1);
        emit_limits(each);
        break;
      case reduction::smaller:
        code_ << skip_if(reg::r2, sign ? when::signed_at_most : when::at_most, reg::r1, 1) << move(reg::r2, reg::r1);
        break;
      case reduction::larger:
        code_ << skip_if(reg::r2, sign ? when::signed_at_least : when::at_least, reg::r1, 1) << move(reg::r2, reg::r1);
        break;
      case reduction::bit_or:
        code_ << compute(alu::bit_or, reg::r2, reg::r1);
        break;
      case reduction::bit_and:
        code_ << compute(alu::bit_and, reg::r2, reg::r1);
        break;
    }
    code_ << store(reg::r8, each.offset, reg::r2, each.result_bytes);
  }

  // All 64 bits of a number of `bytes` bytes: loads extend with zeros.
  void emit_load(bpf::reg to, bpf::reg from, reduced_number const& each, std::size_t bytes) const noexcept {
    using namespace bpf;
    code_ << load(to, from, each.offset, bytes);
    if (!each.is_signed || bytes == 8) return;
    auto const unused = static_cast<std::int32_t>(64 - 8 * bytes);
    code_ << compute(alu::shift_left, to, unused) << compute(alu::shift_right_signed, to, unused);
  }

  // A sum of two numbers of 32 bits or less, in r2, goes no further than its type.
  void emit_limits(reduced_number const& each) const noexcept {
    using namespace bpf;
    if (each.is_signed) {
      auto const largest = static_cast<std::int32_t>((std::uint32_t{1} << (8 * each.bytes - 1)) - 1);
      code_ << skip_if(reg::r2, when::signed_at_most, largest, 1) << move(reg::r2, largest)
            << skip_if(reg::r2, when::signed_at_least, -largest - 1, 1) << move(reg::r2, -largest - 1);
    } else {
      code_ << move(reg::r3, reg::r2) << compute(alu::shift_right, reg::r3, 8 * each.bytes)
            << skip_if(reg::r3, when::equal, 0, 1) << move(reg::r2, -1);
    }
  }

  bpf::assembler& code_;
  reduction_table const& table_;
  reduction_layout const& layout_;
  std::int32_t cpus_;
  int map_fd_;
  int memory_fd_;
};

/// Loads the program for a map, and memory of this layout that has the ids of the CPUs.
/// @errors as load_syscall_program(); EINVAL also: the kernel is older than 5.19
inline unique_fd load_reduction(reduction_table const& table, reduction_layout const& layout, std::size_t cpus,
                                int map_fd, scratch_array const& memory, bool may_goto, std::error_code& ec) noexcept {
  bpf::assembler code;
  reduction_emitter const emitter(code, table, layout, cpus, map_fd, memory.fd());
  if (!may_goto) {
    auto const starts = emitter.emit_with_calls();
    auto const types = function_types::load(ec);
    if (ec) return {};
    std::array<bpf_func_info, 3> functions{};
    for (std::size_t i = 0; i < starts.size(); ++i) functions[i] = {starts[i], types.function()};
    return load_syscall_program("bpfmap_reduce", code, ec, {types.fd(), functions.data(), functions.size()});
  }
  emit_list_program(code, memory, layout.most, true,
                    [&](bpf::assembler&, bpf::label stop) { emitter.emit_item_with_jumps(stop); });
  return load_syscall_program("bpfmap_reduce", code, ec);
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
