// SPDX-License-Identifier: MIT
#ifndef BPFMAP_OBJECTS_HELPERS_HPP
#define BPFMAP_OBJECTS_HELPERS_HPP

// Which helper of the kernel a program calls that the running kernel does not have.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <bpfmap/core/error_text.hpp>
#include <bpfmap/core/map_traits.hpp>
#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

struct kernel_helper {
  std::int32_t id;
  std::string_view name;
  kernel_version since;
};

// Those that bpfmap.bpf.h calls and that Linux 5.10 does not have; the newest first, because it says which kernel
// would do.
inline constexpr kernel_helper newer_helpers[] = {
    {195, "bpf_map_lookup_percpu_elem", {5, 19}},
    {181, "bpf_loop", {5, 17}},
    {164, "bpf_for_each_map_elem", {5, 13}},
};

/// The newest helper that `program` itself calls (before load() nobody sees which functions it calls) and that the
/// running kernel does not have for its type; null if there is none, or nobody can tell.
/// @cost a program load for each call of a helper of the table
inline kernel_helper const* missing_helper(::bpf_program const* program) noexcept {
  ::bpf_insn const* const code = ::bpf_program__insns(program);
  std::size_t const count = ::bpf_program__insn_cnt(program);
  for (kernel_helper const& helper : newer_helpers) {
    for (std::size_t i = 0; i < count; ++i) {
      if (code[i].code != (BPF_JMP | BPF_CALL) || code[i].src_reg != 0 || code[i].imm != helper.id) continue;
      // 0: not there; negative: libbpf cannot probe this type of program.
      if (::libbpf_probe_bpf_helper(::bpf_program__type(program), static_cast<::bpf_func_id>(helper.id), nullptr) ==
          0) {
        return &helper;
      }
      break;
    }
  }
  return nullptr;
}

inline void add_missing_helper(sentence& text, std::string_view program, kernel_helper const& helper) noexcept {
  text.add("program '", program, "' calls ", helper.name, ", which this kernel does not have (Linux ",
           helper.since.major, ".", helper.since.minor,
           " does): switch its autoload off, or call leave_out_unsupported()");
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
