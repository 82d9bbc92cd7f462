// SPDX-License-Identifier: MIT
// Runs BPF programs, as far as bpfmap writes any by itself.
#include "fake_kernel.hpp"

#include <cstring>

namespace fake {

namespace {

// The registers and instructions that the count program uses; anything else is refused, as by a verifier.
struct machine {
  std::array<std::uint64_t, 11> r{};
  fake::map* map = nullptr;
};

bool step(machine& m, object const& program, std::size_t& at, unsigned char* context, std::size_t context_bytes) {
  bpf_insn const& i = program.code[at];
  switch (i.code) {
    case BPF_ALU64 | BPF_MOV | BPF_X:
      m.r[i.dst_reg] = m.r[i.src_reg];
      return true;
    case BPF_ALU64 | BPF_MOV | BPF_K:
      m.r[i.dst_reg] = static_cast<std::uint64_t>(std::int64_t{i.imm});
      return true;
    case BPF_LD | BPF_DW | BPF_IMM: {
      if (i.src_reg != BPF_PSEUDO_MAP_FD || at + 1 >= program.code.size()) return false;
      auto const file = program.maps_of_code.find(i.imm);
      if (file == program.maps_of_code.end()) return false;
      m.map = kernel().objects.at(file->second).map.get();
      m.r[i.dst_reg] = 1;  // a pointer, whatever its bits
      ++at;
      return true;
    }
    case BPF_JMP | BPF_CALL: {
      if (i.src_reg != BPF_PSEUDO_KFUNC_CALL || i.off != 0 || m.r[1] != 1 || m.map == nullptr) return false;
      if (static_cast<std::uint32_t>(i.imm) != fake_files::count_function_id) return false;
      // Only hashes keep a counter: every other map answers 0.
      std::int64_t const counted = m.map->is_hash() ? static_cast<std::int64_t>(m.map->count()) : 0;
      m.r[0] = static_cast<std::uint64_t>(kernel().count.value_or(counted));
      return true;
    }
    case BPF_STX | BPF_MEM | BPF_DW: {
      if (m.r[i.dst_reg] != 2 || i.off != 0) return false;  // 2: the context
      if (context != nullptr && context_bytes >= 8) std::memcpy(context, &m.r[i.src_reg], 8);
      return true;
    }
    default:
      return false;
  }
}

}  // namespace

bool run(object const& program, unsigned char* context, std::size_t context_bytes, std::uint32_t& result) {
  machine m;
  m.r[1] = 2;
  for (std::size_t at = 0; at < program.code.size(); ++at) {
    if (program.code[at].code == (BPF_JMP | BPF_EXIT)) {
      result = static_cast<std::uint32_t>(m.r[0]);
      return true;
    }
    if (!step(m, program, at, context, context_bytes)) return false;
  }
  return false;
}

}  // namespace fake
