// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_NUMBERS_HPP
#define BPFMAP_CORE_NUMBERS_HPP

// The numbers that a slot is made of, one after the other; or why it is not made of numbers only.

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <bpfmap/core/fields.hpp>

namespace bpfmap::inline BPFMAP_ABI::reduce::detail {

namespace core = bpfmap::detail;

template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t N>
inline constexpr bool is_std_array<std::array<T, N>> = true;

/// What an array of them holds is a text. Bytes are numbers: `unsigned char` and `signed char` are std::uint8_t and
/// std::int8_t.
template <class T>
inline constexpr bool is_character =
    std::is_same_v<T, char> || std::is_same_v<T, char8_t> || std::is_same_v<T, char16_t> ||
    std::is_same_v<T, char32_t> || std::is_same_v<T, wchar_t>;

/// Why reducers of numbers do not take a slot.
enum class flaw : std::uint8_t {
  none,
  text,          ///< an array of characters
  bit_fields,    ///< nothing can refer to one
  a_union,       ///< which of its members counts is not known
  many_members,  ///< more than a struct can be taken apart into
  other          ///< an enumeration, a pointer, a class with constructors, …
};

template <class T>
constexpr flaw flaw_of();

template <class... T>
constexpr flaw first_flaw() {
  flaw first = flaw::none;
  static_cast<void>((((first = flaw_of<T>()) == flaw::none) && ...));
  return first;
}

template <class T>
constexpr flaw flaw_of_struct() {
  if constexpr (core::count_members<T>() > core::max_members) {
    return flaw::many_members;
  } else if constexpr (!core::field_struct<T>) {
    return flaw::other;
  } else if constexpr (core::has_union<T>()) {
    return flaw::a_union;
  } else if constexpr (!core::members_are_objects<T>()) {
    return flaw::bit_fields;
  } else {
    // Default-constructed only in an unevaluated operand: all that counts are the members' types.
    return decltype(core::with_members(std::declval<T&>(), []<class... M>(M&...) {
      return std::integral_constant<flaw, first_flaw<std::remove_cv_t<M>...>()>{};
    }))::value;
  }
}

template <class T>
constexpr flaw flaw_of() {
  if constexpr (std::is_arithmetic_v<T>) {
    return flaw::none;
  } else if constexpr (std::is_array_v<T> || is_std_array<T>) {
    using element = std::remove_cvref_t<decltype(std::declval<T&>()[0])>;
    return is_character<element> ? flaw::text : flaw_of<element>();
  } else if constexpr (std::is_class_v<T> && std::is_aggregate_v<T>) {
    return flaw_of_struct<T>();
  } else {
    return flaw::other;
  }
}

template <class T, bool Floating = true>
constexpr bool is_numeric();

template <class T, bool Floating>
constexpr bool members_are_numeric() {
  return decltype(core::with_members(std::declval<T&>(), []<class... M>(M&...) {
    return std::bool_constant<(is_numeric<std::remove_cv_t<M>, Floating>() && ...)>{};
  }))::value;
}

/// Whether a T is made of numbers (integers only, if not `Floating`) and of nothing else.
template <class T, bool Floating>
constexpr bool is_numeric() {
  if constexpr (flaw_of<T>() != flaw::none)
    return false;
  else if constexpr (std::is_arithmetic_v<T>)
    return Floating || std::is_integral_v<T>;
  else if constexpr (std::is_array_v<T> || is_std_array<T>)
    return is_numeric<std::remove_cvref_t<decltype(std::declval<T&>()[0])>, Floating>();
  else
    return members_are_numeric<T, Floating>();
}

// Calls f(a, b, c…) on corresponding numbers of objects of one shape.
template <class F, class T, class... U>
constexpr void for_each_number(F&& f, T& first, U&... rest) {
  if constexpr (std::is_arithmetic_v<std::remove_const_t<T>>) {
    f(first, rest...);
  } else if constexpr (std::is_array_v<T> || is_std_array<std::remove_const_t<T>>) {
    for (std::size_t i = 0; i < std::size(first); ++i) for_each_number(f, first[i], rest[i]...);
  } else if constexpr (sizeof...(U) == 0) {
    core::with_members(first, [&](auto&... m) { (for_each_number(f, m), ...); });
  } else {
    static_assert(sizeof...(U) == 1);
    core::with_members(first, [&](auto&... m) {
      // Pairs of members: the second pack is expanded inside, one level for each.
      core::with_members(rest..., [&](auto&... n) { (for_each_number(f, m, n), ...); });
    });
  }
}

}  // namespace bpfmap::inline BPFMAP_ABI::reduce::detail

#endif
