// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_INSTRUCTIONS_HPP
#define BPFMAP_KERNEL_INSTRUCTIONS_HPP

// BPF instructions as functions, for the small programs that bpfmap loads by itself.

#include <array>
#include <cstddef>
#include <cstdint>

#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail::bpf {

using instruction = bpf_insn;

/// A register; r10 is the frame pointer.
enum class reg : std::uint8_t { r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10 };

constexpr instruction make(int code, std::uint8_t to, std::uint8_t from, std::int16_t offset, std::int32_t value) {
  instruction made{};
  made.code = static_cast<std::uint8_t>(code);
  made.dst_reg = to & 0xf;
  made.src_reg = from & 0xf;
  made.off = offset;
  made.imm = value;
  return made;
}

constexpr std::uint8_t number(reg r) { return static_cast<std::uint8_t>(r); }

/// to = from
constexpr instruction move(reg to, reg from) {
  return make(BPF_ALU64 | BPF_MOV | BPF_X, number(to), number(from), 0, 0);
}
/// to = value
constexpr instruction move(reg to, std::int32_t value) {
  return make(BPF_ALU64 | BPF_MOV | BPF_K, number(to), 0, 0, value);
}
/// to = the map of `fd`; takes the place of two instructions
constexpr std::array<instruction, 2> load_map(reg to, int fd) {
  return {make(BPF_LD | BPF_DW | BPF_IMM, number(to), BPF_PSEUDO_MAP_FD, 0, fd), make(0, 0, 0, 0, 0)};
}
/// to = *(base + offset), of 4 or 8 bytes
constexpr instruction load(reg to, reg base, std::uint32_t offset, std::size_t bytes) {
  return make(BPF_LDX | BPF_MEM | (bytes == 8 ? BPF_DW : BPF_W), number(to), number(base),
              static_cast<std::int16_t>(offset), 0);
}
/// *(u64*)(base + offset) = from
constexpr instruction store64(reg base, std::int16_t offset, reg from) {
  return make(BPF_STX | BPF_MEM | BPF_DW, number(base), number(from), offset, 0);
}
/// r0 = the kernel function with this id in vmlinux BTF, called with r1 to r5
constexpr instruction call_kernel_function(std::uint32_t btf_id) {
  return make(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, static_cast<std::int32_t>(btf_id));
}
/// to += value
constexpr instruction add(reg to, std::int32_t value) {
  return make(BPF_ALU64 | BPF_ADD | BPF_K, number(to), 0, 0, value);
}
/// to -= from
constexpr instruction subtract(reg to, reg from) {
  return make(BPF_ALU64 | BPF_SUB | BPF_X, number(to), number(from), 0, 0);
}
/// Skips `count` instructions if a == b.
constexpr instruction skip_if_equal(reg a, reg b, std::int16_t count) {
  return make(BPF_JMP | BPF_JEQ | BPF_X, number(a), number(b), count, 0);
}
/// Skips `count` instructions if a >= b, without sign.
constexpr instruction skip_if_at_least(reg a, reg b, std::int16_t count) {
  return make(BPF_JMP | BPF_JGE | BPF_X, number(a), number(b), count, 0);
}
constexpr instruction exit() { return make(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

}  // namespace bpfmap::inline BPFMAP_ABI::detail::bpf

#endif
