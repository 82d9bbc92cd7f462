// SPDX-License-Identifier: MIT
#ifndef BPFMAP_OBJECTS_GLOBAL_HPP
#define BPFMAP_OBJECTS_GLOBAL_HPP

// Finds a global variable of a BPF program: which of the object's .bss, .data and .rodata maps it lies in, where
// there, and whether it is what a C++ type takes it for. What the object says of itself is not believed: it may be
// damaged.

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include <bpfmap/core/error_text.hpp>
#include <bpfmap/core/map_traits.hpp>
#include <bpfmap/kernel/sys.hpp>
#include <bpfmap/objects/names.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// What a variable is, as far as a C++ type can be held against it. Of an array: what its elements are.
enum class variable_kind : std::uint8_t { unknown, signed_number, unsigned_number, floating_point, aggregate };

constexpr std::string_view to_text(variable_kind kind) noexcept {
  switch (kind) {
    case variable_kind::signed_number:
      return "a signed integer";
    case variable_kind::unsigned_number:
      return "an unsigned integer";
    case variable_kind::floating_point:
      return "a floating-point number";
    case variable_kind::aggregate:
      return "a struct or union";
    default:
      return "bytes";
  }
}

struct variable_type {
  variable_kind kind = variable_kind::unknown;
  bool array = false;
  std::size_t bytes = 0;     ///< of all of it
  std::size_t elements = 1;  ///< of an array
  std::size_t alignment = 1;
};

template <class T>
struct array_of {
  using element = T;
  static constexpr bool is = false;
};
template <class T, std::size_t N>
struct array_of<T[N]> {
  using element = typename array_of<std::remove_cv_t<T>>::element;
  static constexpr bool is = true;
};
template <class T, std::size_t N>
struct array_of<std::array<T, N>> {
  using element = typename array_of<std::remove_cv_t<T>>::element;
  static constexpr bool is = true;
};

template <class T>
constexpr variable_type variable_type_of() noexcept {
  using element = typename array_of<T>::element;
  variable_type type;
  type.array = array_of<T>::is;
  type.bytes = sizeof(T);
  type.elements = sizeof(T) / sizeof(element);
  type.alignment = alignof(T);
  if constexpr (std::is_same_v<element, std::byte>)
    type.kind = variable_kind::unknown;  // raw bytes are anything
  else if constexpr (std::is_same_v<element, bool>)
    type.kind = variable_kind::unsigned_number;
  else if constexpr (std::is_floating_point_v<element>)
    type.kind = variable_kind::floating_point;
  else if constexpr (std::is_enum_v<element>)
    type.kind = std::is_signed_v<std::underlying_type_t<element>> ? variable_kind::signed_number
                                                                  : variable_kind::unsigned_number;
  else if constexpr (std::is_class_v<element> || std::is_union_v<element>)
    type.kind = variable_kind::aggregate;
  else
    type.kind = static_cast<element>(-1) < static_cast<element>(1) ? variable_kind::signed_number
                                                                   : variable_kind::unsigned_number;
  return type;
}

// What BTF says of a variable. Typedefs and arrays are followed only so far: damaged BTF may have rings of them.
inline variable_type variable_type_of(::btf const* types, std::uint32_t id, bool& enumeration) noexcept {
  constexpr int deepest = 64;
  variable_type found;
  for (int depth = 0; depth < deepest; ++depth) {
    ::btf_type const* const type = ::btf__type_by_id(types, id);
    if (type == nullptr) return found;
    switch (::btf_kind(type)) {
      case BTF_KIND_TYPEDEF:
      case BTF_KIND_CONST:
      case BTF_KIND_VOLATILE:
      case BTF_KIND_RESTRICT:
      case 18:  // BTF_KIND_TYPE_TAG
        id = type->type;
        continue;
      case BTF_KIND_ARRAY:
        found.array = true;
        found.elements *= ::btf_array(type)->nelems;
        id = ::btf_array(type)->type;
        continue;
      case BTF_KIND_INT:
        found.kind = (::btf_int_encoding(type) & BTF_INT_SIGNED) != 0 ? variable_kind::signed_number
                                                                      : variable_kind::unsigned_number;
        return found;
      case BTF_KIND_ENUM:
      case 19:  // BTF_KIND_ENUM64
        enumeration = true;
        found.kind = variable_kind::unsigned_number;
        return found;
      case BTF_KIND_PTR:
        found.kind = variable_kind::unsigned_number;
        return found;
      case 16:  // BTF_KIND_FLOAT
        found.kind = variable_kind::floating_point;
        return found;
      case BTF_KIND_STRUCT:
      case BTF_KIND_UNION:
        found.kind = variable_kind::aggregate;
        return found;
      default:
        return found;
    }
  }
  return found;
}

struct global_place {
  ::bpf_map* map = nullptr;
  std::uint32_t type = 0;    // in BTF
  std::uint32_t offset = 0;  // bytes from the start of the map's value
  std::uint32_t size = 0;    // bytes
};

/// Calls `visit(place, name, whether it is static)` for each variable of the object's internal maps.
template <class Visit>
void for_each_global(::bpf_object* object, Visit const& visit) noexcept {
  ::btf const* const types = ::bpf_object__btf(object);
  if (types == nullptr) return;
  for (::bpf_map* map = ::bpf_object__next_map(object, nullptr); map != nullptr;
       map = ::bpf_object__next_map(object, map)) {
    if (!::bpf_map__is_internal(map)) continue;
    ::btf_type const* const section = ::btf__type_by_id(types, ::bpf_map__btf_value_type_id(map));
    if (section == nullptr || !::btf_is_datasec(section)) continue;
    ::btf_var_secinfo const* const variables = ::btf_var_secinfos(section);
    for (std::uint32_t i = 0; i < ::btf_vlen(section); ++i) {
      ::btf_type const* const variable = ::btf__type_by_id(types, variables[i].type);
      if (variable == nullptr || !::btf_is_var(variable)) continue;
      char const* const name = ::btf__name_by_offset(types, variable->name_off);
      if (name == nullptr || *name == '\0') continue;
      visit(global_place{map, variable->type, variables[i].offset, variables[i].size}, name,
            ::btf_var(variable)->linkage == BTF_VAR_STATIC);
    }
  }
}

/// The place of variable `name`. A global one hides static ones of its name; of several static ones none is meant.
/// @param found  how many are meant: 0 there is none, more than 1 nobody can tell which
inline global_place find_global(::bpf_object* object, std::string_view name, unsigned& found) noexcept {
  global_place place;
  bool global = false;
  found = 0;
  for_each_global(object, [&](global_place const& each, std::string_view called, bool is_static) {
    if (called != name || (global && is_static)) return;
    if (!is_static && !global) found = 0;
    global = global || !is_static;
    ++found;
    if (found == 1) place = each;
  });
  return place;
}

/// What is wrong with this variable as a `wanted`; nothing if it fits.
inline void add_global_difference(sentence& text, ::bpf_object* object, global_place const& place,
                                  variable_type const& wanted) noexcept {
  std::size_t const section = ::bpf_map__value_size(place.map);
  if (place.offset > section || place.size > section - place.offset) {
    text.add("the object's BTF is damaged: the variable would end ", std::uint64_t{place.offset} + place.size - section,
             " bytes behind its section");
    return;
  }
  bool enumeration = false;
  variable_type const is = variable_type_of(::bpf_object__btf(object), place.type, enumeration);
  bool const numbers = (is.kind == variable_kind::signed_number || is.kind == variable_kind::unsigned_number) &&
                       (wanted.kind == variable_kind::signed_number || wanted.kind == variable_kind::unsigned_number);
  // The sign of char is the machine's choice, and that of an enumeration the compiler's.
  bool const any_sign = enumeration || (numbers && wanted.bytes == wanted.elements);
  bool const wrapped = is.array && wanted.kind == variable_kind::aggregate && !wanted.array;
  bool const anything = is.kind == variable_kind::unknown || wanted.kind == variable_kind::unknown || wrapped;
  bool const fits = anything || ((is.kind == wanted.kind || (numbers && any_sign)) && is.array == wanted.array &&
                                 is.elements == wanted.elements);
  auto const describe = [&](variable_type const& type, std::size_t bytes) {
    text.add(type.array ? "an array, each element " : "", to_text(type.kind), type.array ? ", in all " : " of ", bytes,
             " bytes");
  };
  if (place.size != wanted.bytes || !fits) {
    text.add(place.size != wanted.bytes && fits ? "its size is not that of the type: it is " : "it is ");
    describe(is, place.size);
    text.add(", and the type is ");
    describe(wanted, wanted.bytes);
  } else if (place.offset % wanted.alignment != 0) {
    text.add("it lies at byte ", place.offset, " of its section, and the type must lie at a multiple of ",
             wanted.alignment);
  }
}

// Whether user space may see a value of this type: not if the kernel has a hand in it, as in locks, timers and lists
// (structs whose names begin so) and in pointers to kernel objects (which have a tag).
// @param steps  how many types may still be looked at: damaged BTF may have rings of them
inline bool may_be_shown(::btf const* types, std::uint32_t id, unsigned& steps) noexcept {
  ::btf_type const* const type = ::btf__type_by_id(types, id);
  if (id == 0) return true;  // void
  if (type == nullptr || steps == 0) return false;
  --steps;
  switch (::btf_kind(type)) {
    case BTF_KIND_INT:
    case BTF_KIND_ENUM:
    case 16:
    case 19:
      return true;
    case BTF_KIND_PTR: {
      ::btf_type const* const target = ::btf__type_by_id(types, type->type);
      return type->type == 0 || (target != nullptr && ::btf_kind(target) != 18);
    }
    case BTF_KIND_TYPEDEF:
    case BTF_KIND_CONST:
    case BTF_KIND_VOLATILE:
    case BTF_KIND_RESTRICT:
      return may_be_shown(types, type->type, steps);
    case BTF_KIND_ARRAY:
      return may_be_shown(types, ::btf_array(type)->type, steps);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION: {
      char const* const name = ::btf__name_by_offset(types, type->name_off);
      if (name == nullptr || std::string_view(name).starts_with("bpf_")) return false;
      ::btf_member const* const members = ::btf_members(type);
      for (std::uint32_t i = 0; i < ::btf_vlen(type); ++i) {
        if (!may_be_shown(types, members[i].type, steps)) return false;
      }
      return true;
    }
    default:
      return false;
  }
}

/// Lets the memory of sections be mapped that have static variables only: libbpf does not ask for that. Before load().
inline void show_static_variables(::bpf_object* object) noexcept {
  ::btf const* const types = ::bpf_object__btf(object);
  if (types == nullptr) return;
  for (::bpf_map* map = ::bpf_object__next_map(object, nullptr); map != nullptr;
       map = ::bpf_object__next_map(object, map)) {
    std::uint32_t const flags = ::bpf_map__map_flags(map);
    if (!::bpf_map__is_internal(map) || (flags & map_flags::mmapable) != 0 || ::bpf_map__fd(map) >= 0) continue;
    bool any = false;
    bool shown = true;
    for_each_global(object, [&](global_place const& each, std::string_view, bool) {
      if (each.map != map) return;
      any = true;
      unsigned steps = 1000;
      shown = shown && may_be_shown(types, each.type, steps);
    });
    if (any && shown) static_cast<void>(::bpf_map__set_map_flags(map, flags | map_flags::mmapable));
  }
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
