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
/// to = the address of byte `offset` of the only element of the array of `fd`; takes the place of two instructions
constexpr std::array<instruction, 2> load_map_value(reg to, int fd, std::uint32_t offset) {
  return {make(BPF_LD | BPF_DW | BPF_IMM, number(to), BPF_PSEUDO_MAP_VALUE, 0, fd),
          make(0, 0, 0, 0, static_cast<std::int32_t>(offset))};
}
/// to = value, all 64 bits; takes the place of two instructions
constexpr std::array<instruction, 2> load_constant(reg to, std::uint64_t value) {
  return {make(BPF_LD | BPF_DW | BPF_IMM, number(to), 0, 0, static_cast<std::int32_t>(value)),
          make(0, 0, 0, 0, static_cast<std::int32_t>(value >> 32))};
}

/// The code of a width in bytes: 1, 2, 4 or 8.
constexpr int width(std::size_t bytes) { return bytes == 8 ? BPF_DW : bytes == 4 ? BPF_W : bytes == 2 ? BPF_H : BPF_B; }

/// to = *(base + offset), of 1, 2, 4 or 8 bytes, extended with zeros
constexpr instruction load(reg to, reg base, std::uint32_t offset, std::size_t bytes) {
  return make(BPF_LDX | BPF_MEM | width(bytes), number(to), number(base), static_cast<std::int16_t>(offset), 0);
}
/// *(base + offset) = the lowest 1, 2, 4 or 8 bytes of from
constexpr instruction store(reg base, std::uint32_t offset, reg from, std::size_t bytes) {
  return make(BPF_STX | BPF_MEM | width(bytes), number(base), number(from), static_cast<std::int16_t>(offset), 0);
}

/// What an arithmetic instruction does with its target, on 64 bits. Shifts to the right: without sign, with sign.
enum class alu : std::uint8_t {
  add = BPF_ADD,
  subtract = BPF_SUB,
  multiply = BPF_MUL,
  divide = BPF_DIV,
  bit_or = BPF_OR,
  bit_and = BPF_AND,
  bit_xor = BPF_XOR,
  shift_left = BPF_LSH,
  shift_right = BPF_RSH,
  shift_right_signed = BPF_ARSH
};
/// to = to `what` from
constexpr instruction compute(alu what, reg to, reg from) {
  return make(BPF_ALU64 | static_cast<int>(what) | BPF_X, number(to), number(from), 0, 0);
}
/// to = to `what` value; the value is extended with its sign
constexpr instruction compute(alu what, reg to, std::int32_t value) {
  return make(BPF_ALU64 | static_cast<int>(what) | BPF_K, number(to), 0, 0, value);
}

/// When a jump is taken, on 64 bits: without sign, and with sign.
enum class when : std::uint8_t {
  equal = BPF_JEQ,
  not_equal = BPF_JNE,
  greater = BPF_JGT,
  at_least = BPF_JGE,
  less = BPF_JLT,
  at_most = BPF_JLE,
  signed_greater = BPF_JSGT,
  signed_at_least = BPF_JSGE,
  signed_less = BPF_JSLT,
  signed_at_most = BPF_JSLE
};
/// Skips `count` instructions when a `what` b.
constexpr instruction skip_if(reg a, when what, reg b, std::int16_t count) {
  return make(BPF_JMP | static_cast<int>(what) | BPF_X, number(a), number(b), count, 0);
}
constexpr instruction skip_if(reg a, when what, std::int32_t value, std::int16_t count) {
  return make(BPF_JMP | static_cast<int>(what) | BPF_K, number(a), 0, count, value);
}
/// Skips `count` instructions.
constexpr instruction skip(std::int16_t count) { return make(BPF_JMP | BPF_JA, 0, 0, count, 0); }
/// Skips `count` instructions once the kernel finds that the loop has gone on for long enough: bpf_may_goto, Linux 6.9.
constexpr instruction skip_if_too_long(std::int16_t count) {
  constexpr int jcond = 0xe0;  // BPF_JCOND: newer than some of the headers that bpfmap is compiled with
  return make(BPF_JMP | jcond, 0, 0, count, 0);
}

/// The kernel's helper functions that bpfmap's own programs call, by their numbers.
enum class helper : std::int32_t {
  map_lookup_elem = 1,
  map_update_elem = 2,
  map_delete_elem = 3,
  for_each_map_elem = 164,       // Linux 5.13
  loop = 181,                    // Linux 5.17
  map_lookup_percpu_elem = 195,  // Linux 5.19
};
/// r0 = the helper, called with r1 to r5; afterwards these five are undefined
constexpr instruction call(helper which) { return make(BPF_JMP | BPF_CALL, 0, 0, 0, static_cast<std::int32_t>(which)); }
/// r0 = the kernel function with this id in vmlinux BTF, called with r1 to r5
constexpr instruction call_kernel_function(std::uint32_t btf_id) {
  return make(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, static_cast<std::int32_t>(btf_id));
}
constexpr instruction exit() { return make(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

}  // namespace bpfmap::inline BPFMAP_ABI::detail::bpf

#endif
