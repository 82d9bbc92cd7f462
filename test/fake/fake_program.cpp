// SPDX-License-Identifier: MIT
// Runs BPF programs, as far as bpfmap writes any by itself.
#include "fake_kernel.hpp"

#include "../support/bpf_machine.hpp"

#include <cstring>
#include <exception>

#include <bpfmap/core/cpu.hpp>

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

// Programs with loops, which work on the memory of arrays.
bool run_loops_of(object const& program, std::uint32_t& result) {
  test::bpf_machine machine(program.code);
  auto const map_of_code = [&](std::uint64_t fd) -> map const& {
    return *kernel().objects.at(program.maps_of_code.at(static_cast<int>(fd))).map;
  };
  for (auto const& [fd, file] : program.maps_of_code) {
    map const& each = *kernel().objects.at(file).map;
    if (!each.is_array()) return false;
    std::size_t const stride = (each.element_bytes() + 7) / 8 * 8;
    machine.set_map_value(fd, each.cell(0));
    machine.allow(each.cell(0), stride * each.made.max_entries);
  }
  std::error_code ec;
  auto const cpus = bpfmap::cpu_set::parse(fake_files::possible_cpus, ec);
  machine.helper = [&](std::int32_t number, test::bpf_machine::registers const& r) -> std::uint64_t {
    std::uint32_t const index = machine.number_at(r[2]);
    map const& read = map_of_code(r[1]);
    std::size_t const rank = cpus.rank_of(static_cast<std::uint32_t>(r[3]));
    if (number != static_cast<std::int32_t>(bpfmap::detail::bpf::helper::map_lookup_percpu_elem)) {
      throw std::runtime_error("a helper that is not known");
    }
    // Where the kernel has no CPU it has no memory either: it would read anything.
    if (rank == cpus.size()) violate("a program asks for the slot of CPU " + std::to_string(r[3]));
    std::byte* const element = read.cell(index);
    if (element == nullptr || rank == cpus.size()) return 0;
    return reinterpret_cast<std::uint64_t>(element + rank * (read.element_bytes() / cpus.size()));
  };
  try {
    result = static_cast<std::uint32_t>(machine.run());
    return true;
  } catch (std::exception const& refused) {
    return false;
  }
}

}  // namespace

void run_loops() {
  guard const lock;
  kernel().loops = true;
}

bool run(object const& program, unsigned char* context, std::size_t context_bytes, std::uint32_t& result) {
  machine m;
  m.r[1] = 2;
  for (std::size_t at = 0; at < program.code.size(); ++at) {
    if (program.code[at].code == (BPF_JMP | BPF_EXIT)) {
      result = static_cast<std::uint32_t>(m.r[0]);
      return true;
    }
    if (!step(m, program, at, context, context_bytes)) return kernel().loops && run_loops_of(program, result);
  }
  return false;
}

}  // namespace fake
