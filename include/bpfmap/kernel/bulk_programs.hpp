// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_BULK_PROGRAMS_HPP
#define BPFMAP_KERNEL_BULK_PROGRAMS_HPP

// The programs that do what the kernel has no command for: look up, write or erase many elements by their keys. Each
// works on one map, and on a list in memory that this process fills and reads. Linux 5.14 and CAP_BPF to load.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <system_error>

#include <bpfmap/core/map_type.hpp>
#include <bpfmap/kernel/list_program.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// Where things lie in the memory that such a program shares with this process. All offsets and sizes in bytes.
struct bulk_layout {
  std::uint32_t key_size = 0;
  std::uint32_t value_size = 0;
  std::uint32_t most = 0;       ///< how many elements a list may have
  std::uint32_t status_at = 0;  ///< a byte each: 1 it matched, 0 it did not
  std::uint32_t keys_at = 0;
  std::uint32_t values_at = 0;
  std::uint32_t bytes = 0;

  static constexpr std::uint32_t max_key_size = 512;
  static constexpr std::uint32_t max_value_size = 4096;
  static constexpr bool fits(std::size_t key_size, std::size_t value_size) noexcept {
    return key_size <= max_key_size && value_size <= max_value_size;
  }

  // Longer lists gain nothing, and this much stays in the processor's caches.
  static constexpr std::uint32_t max_list = 4096;
  static constexpr std::uint32_t list_bytes = 512 * 1024;

  static constexpr bulk_layout of(std::uint32_t key_size, std::uint32_t value_size) noexcept {
    bulk_layout made{.key_size = key_size, .value_size = value_size};
    made.most = std::min(max_list, list_bytes / (key_size + value_size + 1));
    made.status_at = sizeof(list_header);
    made.keys_at = static_cast<std::uint32_t>(round_up(made.status_at + made.most, 64));
    made.values_at = static_cast<std::uint32_t>(round_up(made.keys_at + made.most * key_size, 64));
    made.bytes = made.values_at + made.most * value_size;
    return made;
  }
};

/// What such a program does with each key.
enum class bulk_work : std::uint8_t { find, write, erase };

// to = the address of the current item in a list that begins at `at` and has items of `size` bytes.
inline void emit_item(bpf::assembler& code, bpf::reg to, std::uint32_t at, std::uint32_t size) noexcept {
  using bpf::alu;
  using bpf::reg;
  code << bpf::move(to, reg::r7) << bpf::compute(alu::multiply, to, static_cast<std::int32_t>(size));
  code << bpf::compute(alu::add, to, reg::r6) << bpf::compute(alu::add, to, static_cast<std::int32_t>(at));
}

// ++header.matched
inline void emit_matched(bpf::assembler& code) noexcept {
  using bpf::reg;
  code << bpf::load(reg::r1, reg::r6, offsetof(list_header, matched), 4) << bpf::compute(bpf::alu::add, reg::r1, 1)
       << bpf::store(reg::r6, offsetof(list_header, matched), reg::r1, 4);
}

/// Loads the program that does one kind of work on the map, for lists in `memory`:
///   for each key of the list:
///     find:  value = lookup(key); matched if there is one, and then it is copied to its place in the list
///     write: update(key, its value, header.argument); erase: delete(key)
///            0: matched; header.tolerated: not matched; any other error: stored in the header, and the list stops
///     its status byte = whether it matched
/// The program holds references to the kernel's map and to the memory, so it goes before they do.
/// @errors as load_syscall_program(); EACCES the values hold a bpf_spin_lock or the like
inline unique_fd load_bulk_program(bulk_work work, int map_fd, bulk_layout const& layout, scratch_array const& memory,
                                   bool may_goto, std::error_code& ec) noexcept {
  using bpf::alu;
  using bpf::reg;
  using bpf::when;
  bpf::assembler code;
  emit_list_program(code, memory, layout.most, may_goto, [&](bpf::assembler& at, bpf::label stop) {
    bpf::label const matched = at.new_label();
    bpf::label const done = at.new_label();
    emit_item(at, reg::r2, layout.keys_at, layout.key_size);
    at << bpf::load_map(reg::r1, map_fd);
    if (work == bulk_work::find) {
      at << bpf::call(bpf::helper::map_lookup_elem) << bpf::move(reg::r8, 0);
      at.jump_if(reg::r0, when::equal, 0, done);
      emit_item(at, reg::r2, layout.values_at, layout.value_size);
      at.copy(reg::r2, 0, reg::r0, 0, layout.value_size, reg::r1);
    } else {
      if (work == bulk_work::write) {
        emit_item(at, reg::r3, layout.values_at, layout.value_size);
        at << bpf::load(reg::r4, reg::r6, offsetof(list_header, argument), 8);
      }
      at << bpf::call(work == bulk_work::write ? bpf::helper::map_update_elem : bpf::helper::map_delete_elem);
      // Older kernels call what returns an int, and leave the upper half as it comes.
      at << bpf::compute(alu::shift_left, reg::r0, 32) << bpf::compute(alu::shift_right_signed, reg::r0, 32);
      at << bpf::load(reg::r1, reg::r6, offsetof(list_header, tolerated), 8) << bpf::move(reg::r8, 0);
      at.jump_if(reg::r0, when::equal, 0, matched);
      at.jump_if(reg::r0, when::equal, reg::r1, done);
      at << bpf::store(reg::r6, offsetof(list_header, error), reg::r0, 4);
      at.jump(stop);
    }
    at.place(matched);
    at << bpf::move(reg::r8, 1);
    emit_matched(at);
    at.place(done);
    at << bpf::move(reg::r1, reg::r7) << bpf::compute(alu::add, reg::r1, reg::r6)
       << bpf::store(reg::r1, layout.status_at, reg::r8, 1);
  });
  constexpr char const* names[] = {"bpfmap_find", "bpfmap_write", "bpfmap_erase"};
  return load_syscall_program(names[static_cast<int>(work)], code, ec);
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
