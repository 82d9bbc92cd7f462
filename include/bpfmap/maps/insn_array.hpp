// SPDX-License-Identifier: MIT
#ifndef BPFMAP_MAPS_INSN_ARRAY_HPP
#define BPFMAP_MAPS_INSN_ARRAY_HPP

// insn_array: where a program's instructions went.

#include <cstdint>

#include <bpfmap/engine/keyed_map.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// The kernel's struct bpf_insn_array_value: one instruction's places, in instructions of 8 bytes; in machine code, in
/// bytes.
struct instruction_place {
  std::uint32_t original = 0;    ///< in the program as it was loaded; the only member that user space sets
  std::uint32_t translated = 0;  ///< after the verifier; all ones: it was removed
  std::uint32_t jitted = 0;      ///< from the start of the machine code
  std::uint32_t reserved = 0;    ///< 0

  friend bool operator==(instruction_place const&, instruction_place const&) = default;
};
static_assert(sizeof(instruction_place) == 16);

/// BPF_MAP_TYPE_INSN_ARRAY, Linux 6.19: follows instructions of a program through the verifier and the JIT compiler,
/// for static keys and indirect jumps.
///
/// Set `original` of each element, freeze() the map and load a program that uses it, one program only: then the kernel
/// fills the rest in. All max_entries elements are there from the start, as zeros.
/// @errors create(): EINVAL the kernel is older than 6.19, as the error says. Writing: EINVAL `translated` or `jitted`
/// is
///         not 0
class insn_array : public detail::keyed_map<insn_array, map_type::insn_array, std::uint32_t,
                                            detail::plain_values<instruction_place>> {
  friend typed_map;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
