// SPDX-License-Identifier: MIT
#ifndef BPFMAP_OBJECTS_GLOBAL_HPP
#define BPFMAP_OBJECTS_GLOBAL_HPP

// Finds a global variable of a BPF program: which of the object's .bss, .data and .rodata maps it lies in, and
// where there.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

struct global_place {
  ::bpf_map* map = nullptr;
  std::uint32_t offset = 0;  // bytes from the start of the map's value
  std::uint32_t size = 0;    // bytes
};

/// The place of variable `name` in the object's BTF; no map if there is none.
inline global_place find_global(::bpf_object* object, std::string_view name) noexcept {
  ::btf const* const types = ::bpf_object__btf(object);
  if (types == nullptr) return {};
  for (::bpf_map* map = ::bpf_object__next_map(object, nullptr); map != nullptr;
       map = ::bpf_object__next_map(object, map)) {
    if (!::bpf_map__is_internal(map)) continue;
    ::btf_type const* const section = ::btf__type_by_id(types, ::bpf_map__btf_value_type_id(map));
    if (section == nullptr || !::btf_is_datasec(section)) continue;
    ::btf_var_secinfo const* const variables = ::btf_var_secinfos(section);
    for (std::uint32_t i = 0; i < ::btf_vlen(section); ++i) {
      ::btf_type const* const variable = ::btf__type_by_id(types, variables[i].type);
      char const* const called = variable == nullptr ? nullptr : ::btf__name_by_offset(types, variable->name_off);
      if (called != nullptr && name == called) return {map, variables[i].offset, variables[i].size};
    }
  }
  return {};
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
