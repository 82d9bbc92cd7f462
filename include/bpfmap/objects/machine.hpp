// SPDX-License-Identifier: MIT
#ifndef BPFMAP_OBJECTS_MACHINE_HPP
#define BPFMAP_OBJECTS_MACHINE_HPP

// What an object needs to know about the machine before it is loaded, so that no program is compiled for a number of
// CPUs: the sizes of perf event arrays and striped arrays, and which CPU ids are possible.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/error.hpp>
#include <bpfmap/core/error_text.hpp>
#include <bpfmap/core/map_traits.hpp>
#include <bpfmap/core/stripes.hpp>
#include <bpfmap/kernel/sys.hpp>
#include <bpfmap/objects/global.hpp>

namespace bpfmap::inline BPFMAP_ABI {

namespace detail {

// What the object calls `offset`; "" if nothing.
inline std::string_view name_at(::btf const* types, std::uint32_t offset) noexcept {
  char const* const name = ::btf__name_by_offset(types, offset);
  return name == nullptr ? "" : name;
}

// The struct that declares a map: the type of the variable called so in section .maps; null if there is none.
inline ::btf_type const* declaration_of(::btf const* types, std::string_view map) noexcept {
  ::btf_type const* section = nullptr;
  for (std::uint32_t id = 1; (section = ::btf__type_by_id(types, id)) != nullptr; ++id) {
    if (!::btf_is_datasec(section) || name_at(types, section->name_off) != ".maps") continue;
    ::btf_var_secinfo const* const variables = ::btf_var_secinfos(section);
    for (std::uint32_t i = 0; i < ::btf_vlen(section); ++i) {
      ::btf_type const* const variable = ::btf__type_by_id(types, variables[i].type);
      if (variable == nullptr || name_at(types, variable->name_off) != map) continue;
      ::btf_type const* const type = ::btf__type_by_id(types, variable->type);
      return type != nullptr && ::btf_is_struct(type) ? type : nullptr;
    }
  }
  return nullptr;
}

/// How many indices BPFMAP_STRIPED_ARRAY declared the map with; 0: another macro declared it. Its member `type` is a
/// pointer to an array of arrays of so many numbers, where that of other maps is one to an array of numbers.
inline std::uint32_t declared_stripe_entries(::bpf_object* object, ::bpf_map const* map) noexcept {
  ::btf const* const types = ::bpf_object__btf(object);
  if (types == nullptr || static_cast<map_type>(::bpf_map__type(map)) != map_type::array) return 0;
  ::btf_type const* const declaration = declaration_of(types, ::bpf_map__name(map));
  if (declaration == nullptr) return 0;
  ::btf_member const* const members = ::btf_members(declaration);
  for (std::uint32_t i = 0; i < ::btf_vlen(declaration); ++i) {
    if (name_at(types, members[i].name_off) != "type") continue;
    ::btf_type const* const pointer = ::btf__type_by_id(types, members[i].type);
    if (pointer == nullptr || !::btf_is_ptr(pointer)) return 0;
    ::btf_type const* const outer = ::btf__type_by_id(types, pointer->type);
    if (outer == nullptr || !::btf_is_array(outer)) return 0;
    ::btf_type const* const inner = ::btf__type_by_id(types, ::btf_array(outer)->type);
    return inner != nullptr && ::btf_is_array(inner) ? ::btf_array(inner)->nelems : 0;
  }
  return 0;
}

// Sizes a map that leaves its size to the loader. The possible CPUs are asked for only then.
inline void fit_map(::bpf_object* object, ::bpf_map* map, std::error_code& ec) noexcept {
  std::uint32_t const declared = ::bpf_map__max_entries(map);
  std::uint32_t const entries = declared_stripe_entries(object, map);
  bool const perf = static_cast<map_type>(::bpf_map__type(map)) == map_type::perf_event_array;
  if (entries == 0 && !(perf && declared == 0)) return;
  cpu_set const& possible = possible_cpus(ec);
  if (ec) return;
  std::uint32_t wanted = possible.highest() + 1;
  if (entries != 0) {
    int failed = 0;
    auto const layout = stripe_layout::of_entries(entries, ::bpf_map__value_size(map), wanted, failed);
    wanted = failed != 0 ? 0 : static_cast<std::uint32_t>(layout.elements());
    // The number of indices is compiled into the programs.
    if (failed == 0 && declared != 0 && declared != wanted) failed = EINVAL;
    ec = make_error(failed);
  }
  if (ec || declared == wanted) return;
  if (int const failed = ::bpf_map__set_max_entries(map, wanted); failed < 0) ec = make_error(failed);
}

// Why fit_to_machine() failed so.
inline void add_unfit(sentence& text, ::bpf_object* object, int number) noexcept {
  if (number != EINVAL && number != E2BIG) {
    text.add("the possible CPUs, which the sizes of maps depend on, cannot be read: is sysfs mounted at /sys?");
    return;
  }
  for (::bpf_map* map = ::bpf_object__next_map(object, nullptr); map != nullptr;
       map = ::bpf_object__next_map(object, map)) {
    std::error_code ec;
    fit_map(object, map, ec);
    if (!ec) continue;
    if (number == EINVAL) {
      text.add("the indices of the striped array '", ::bpf_map__name(map),
               "' are compiled into its programs: max_entries cannot be changed");
    } else {
      text.add("the striped array '", ::bpf_map__name(map), "' is too large for so many CPUs");
    }
    return;
  }
}

// The memory of a constant before the object is loaded; null if the programs have none of this name and size.
inline std::byte* initial_constant(::bpf_object* object, std::string_view name, std::size_t bytes) noexcept {
  unsigned found = 0;
  global_place const place = find_global(object, name, found);
  if (found != 1 || place.size != bytes) return nullptr;
  std::size_t all = 0;
  void const* const section = ::bpf_map__initial_value(place.map, &all);
  if (section == nullptr || place.offset > all || bytes > all - place.offset) return nullptr;
  return static_cast<std::byte*>(const_cast<void*>(section)) + place.offset;  // NOLINT(*-const-cast)
}

}  // namespace detail

/// Fits an object of libbpf or of a skeleton to this machine, between open and load; object::load() does so itself.
/// Perf event arrays declared without a size get an entry for each CPU id up to the highest possible one, striped
/// arrays a stripe, and programs that include bpfmap.bpf.h learn the ids of the possible CPUs.
/// @errors EINVAL null, or max_entries of a striped array was changed: it is compiled into its programs; E2BIG a
///         striped array is too large for so many CPUs; EBUSY the object is loaded; as possible_cpus()
/// @cost nothing that loading would notice
/// @code
/// tool_bpf* const skeleton = tool_bpf__open();
/// bpfmap::fit_to_machine(skeleton->obj);
/// tool_bpf__load(skeleton);
/// @endcode
inline void fit_to_machine(::bpf_object* object, std::error_code& ec) noexcept {
  ec = make_error(object == nullptr ? EINVAL : 0);
  if (ec) return;
  for (::bpf_map* map = ::bpf_object__next_map(object, nullptr); !ec && map != nullptr;
       map = ::bpf_object__next_map(object, map)) {
    detail::fit_map(object, map, ec);
  }
  // Programs that use bpfmap.bpf.h must know which CPU ids are possible. Nothing to do for others.
  std::uint32_t ids = 0;
  std::byte* const told = ec ? nullptr : detail::initial_constant(object, "bpfmap_cpu_ids", sizeof ids);
  if (told == nullptr) return;
  cpu_set const& possible = possible_cpus(ec);
  if (ec) return;
  ids = possible.highest() + 1;
  std::memcpy(told, &ids, sizeof ids);
  std::uint64_t holes[128] = {};
  if (std::byte* const at = detail::initial_constant(object, "bpfmap_cpu_holes", sizeof holes); at != nullptr) {
    for (std::uint32_t id = 0; id < ids && id / 64 < std::size(holes); ++id) {
      if (!possible.contains(id)) holes[id / 64] |= std::uint64_t{1} << (id % 64);
    }
    std::memcpy(at, holes, sizeof holes);
  }
}
#if BPFMAP_EXCEPTIONS
inline void fit_to_machine(::bpf_object* object) {
  std::error_code ec;
  fit_to_machine(object, ec);
  if (!ec) return;
  if (object == nullptr) detail::raise(ec, operation::fit_to_machine, "a null pointer", {}, "there is no such object");
  detail::sentence text;
  detail::add_unfit(text, object, ec.value());
  detail::raise(ec, operation::fit_to_machine, detail::join("object '", ::bpf_object__name(object), "'"),
                ::bpf_object__name(object), std::string(text.view()));
}
#endif

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
