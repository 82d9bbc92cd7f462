// SPDX-License-Identifier: MIT
// Executes BPF programs in this process, as far as bpfmap writes any that loop: no kernel is asked. Every access must
// lie within memory that the test has named, and every jump within the program.
#ifndef BPFMAP_TEST_SUPPORT_BPF_MACHINE_HPP
#define BPFMAP_TEST_SUPPORT_BPF_MACHINE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <bpfmap/kernel/instructions.hpp>

namespace test {

class bpf_machine {
 public:
  using registers = std::array<std::uint64_t, 11>;

  explicit bpf_machine(std::span<bpf_insn const> code) : code_(code) {}

  /// What may be read and written besides the stack; of a map's descriptor, what bpf::load_map_value gives.
  void allow(std::byte* memory, std::size_t bytes) { regions_.push_back({memory, bytes}); }
  void set_map_value(int fd, std::byte* memory) { values_[fd] = memory; }
  /// What a call of a helper gives; bpf_loop is known.
  std::function<std::uint64_t(std::int32_t helper, registers const&)> helper;
  /// Whether may_goto leaves the loop this time.
  std::function<bool()> too_long = [] { return false; };

  /// For helpers: the number at an address that the program gives.
  [[nodiscard]] std::uint32_t number_at(std::uint64_t address) const {
    std::uint32_t number = 0;
    std::byte const* const found = find(address, sizeof number);
    if (found == nullptr) throw std::runtime_error("a helper is given an address beyond the memory");
    std::memcpy(&number, found, sizeof number);
    return number;
  }

  /// Runs from instruction `at` to the exit.
  std::uint64_t run(std::size_t at = 0, std::uint64_t r1 = 0, std::uint64_t r2 = 0) {
    alignas(8) std::array<std::byte, 512> stack;
    stack.fill(std::byte{0xa5});  // what is read before it is written
    allow(stack.data(), stack.size());
    registers r;
    r.fill(0x5a5a5a5a5a5a5a5a);
    r[1] = r1;
    r[2] = r2;
    r[10] = address(stack.data() + stack.size());
    while (code_at(at).code != (BPF_JMP | BPF_EXIT)) at = step(r, at);
    regions_.pop_back();
    return r[0];
  }

 private:
  struct region {
    std::byte* memory;
    std::size_t bytes;
  };

  static std::uint64_t address(std::byte* at) { return reinterpret_cast<std::uint64_t>(at); }
  [[noreturn]] static void refuse(char const* why, std::size_t at) {
    throw std::runtime_error(std::string(why) + " at instruction " + std::to_string(at));
  }
  bpf_insn const& code_at(std::size_t at) const {
    if (at >= code_.size()) refuse("no instruction", at);
    return code_[at];
  }

  std::byte* memory(std::uint64_t base, bpf_insn const& i, std::size_t bytes, std::size_t at) const {
    std::byte* const found = find(base + static_cast<std::uint64_t>(std::int64_t{i.off}), bytes);
    if (found == nullptr) refuse("an access beyond the memory", at);
    return found;
  }
  [[nodiscard]] std::byte* find(std::uint64_t first, std::size_t bytes) const {
    for (region const& each : regions_) {
      if (first >= address(each.memory) && first + bytes <= address(each.memory) + each.bytes) {
        return each.memory + (first - address(each.memory));
      }
    }
    return nullptr;
  }

  static std::size_t width(bpf_insn const& i) {
    switch (BPF_SIZE(i.code)) {
      case BPF_B:
        return 1;
      case BPF_H:
        return 2;
      case BPF_W:
        return 4;
      default:
        return 8;
    }
  }

  std::size_t step(registers& r, std::size_t at) {
    bpf_insn const& i = code_at(at);
    std::uint64_t& to = r[i.dst_reg];
    switch (BPF_CLASS(i.code)) {
      case BPF_ALU64:
        to = compute(i, to, BPF_SRC(i.code) == BPF_X ? r[i.src_reg] : extended(i.imm), at);
        return at + 1;
      case BPF_LDX:
        to = 0;
        std::memcpy(&to, memory(r[i.src_reg], i, width(i), at), width(i));
        return at + 1;
      case BPF_STX:
        std::memcpy(memory(to, i, width(i), at), &r[i.src_reg], width(i));
        return at + 1;
      case BPF_LD:
        to = load(i, at);
        return at + 2;
      case BPF_JMP:
        if (BPF_OP(i.code) == BPF_CALL) {
          r[0] = i.imm == static_cast<std::int32_t>(bpfmap::detail::bpf::helper::loop) ? loop(r) : helper(i.imm, r);
          for (int k = 1; k <= 5; ++k) r[static_cast<std::size_t>(k)] = 0x5a5a5a5a5a5a5a5a;
          return at + 1;
        }
        return jumps(i, to, BPF_SRC(i.code) == BPF_X ? r[i.src_reg] : extended(i.imm), at)
                   ? static_cast<std::size_t>(static_cast<std::ptrdiff_t>(at) + 1 + i.off)
                   : at + 1;
      default:
        refuse("an instruction that is not known", at);
    }
  }

  static std::uint64_t extended(std::int32_t value) { return static_cast<std::uint64_t>(std::int64_t{value}); }

  std::uint64_t load(bpf_insn const& i, std::size_t at) const {
    switch (i.src_reg) {
      case 0:
        return static_cast<std::uint32_t>(i.imm) | std::uint64_t{static_cast<std::uint32_t>(code_at(at + 1).imm)} << 32;
      case BPF_PSEUDO_MAP_FD:
        return static_cast<std::uint64_t>(i.imm);
      case BPF_PSEUDO_MAP_VALUE:
        return address(values_.at(i.imm) + code_at(at + 1).imm);
      case 4:  // BPF_PSEUDO_FUNC
        return at + 1 + static_cast<std::uint64_t>(std::int64_t{i.imm});
      default:
        refuse("a constant that is not known", at);
    }
  }

  static std::uint64_t compute(bpf_insn const& i, std::uint64_t a, std::uint64_t b, std::size_t at) {
    switch (BPF_OP(i.code)) {
      case BPF_MOV:
        return b;
      case BPF_ADD:
        return a + b;
      case BPF_MUL:
        return a * b;
      case BPF_OR:
        return a | b;
      case BPF_AND:
        return a & b;
      case BPF_LSH:
        return a << b;
      case BPF_RSH:
        return a >> b;
      case BPF_ARSH:
        return static_cast<std::uint64_t>(static_cast<std::int64_t>(a) >> b);
      default:
        refuse("an operation that is not known", at);
    }
  }

  bool jumps(bpf_insn const& i, std::uint64_t a, std::uint64_t b, std::size_t at) const {
    auto const signed_a = static_cast<std::int64_t>(a);
    auto const signed_b = static_cast<std::int64_t>(b);
    switch (BPF_OP(i.code)) {
      case BPF_JA:
        return true;
      case 0xe0:  // BPF_JCOND, may_goto
        return too_long();
      case BPF_JEQ:
        return a == b;
      case BPF_JNE:
        return a != b;
      case BPF_JGT:
        return a > b;
      case BPF_JGE:
        return a >= b;
      case BPF_JLT:
        return a < b;
      case BPF_JLE:
        return a <= b;
      case BPF_JSGE:
        return signed_a >= signed_b;
      case BPF_JSLE:
        return signed_a <= signed_b;
      default:
        refuse("a jump that is not known", at);
    }
  }

  // bpf_loop(count, function, context, 0): how often it called.
  std::uint64_t loop(registers const& r) {
    std::uint64_t const count = r[1];
    std::uint64_t const function = r[2];
    std::uint64_t const context = r[3];
    for (std::uint64_t i = 0; i < count; ++i) {
      if (run(function, i, context) != 0) return i + 1;
    }
    return count;
  }

  std::span<bpf_insn const> code_;
  std::vector<region> regions_;
  std::map<int, std::byte*> values_;
};

}  // namespace test

#endif
