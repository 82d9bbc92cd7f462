// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_FIELDS_HPP
#define BPFMAP_CORE_FIELDS_HPP

// The members of an aggregate, one after the other. Reducers combine structs member by member with it, and
// it finds a bpf_spin_lock in a value. Boost.PFR does this and more, but is younger than the Boost of the
// distributions that bpfmap supports, and a header-only library should not bring a dependency along.

#include <cstddef>
#include <type_traits>
#include <utility>

#include <bpfmap/core/concepts.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

// Converts to any member. Each use is wrapped in braces of its own, so that a member that is an array or a
// struct is counted once (no brace elision).
struct any_member {
  template <class T>
  operator T() const noexcept;
};

inline constexpr std::size_t max_members = 32;

// With braces for each, so that a member that is an array or a struct is one; empty ones, because all that can be
// default-constructed takes them.
// clang-format off
template <class T>
constexpr std::size_t count_members() {
  std::size_t count = 0;
  if (requires { T{{}}; }) count = 1;
  if (requires { T{{}, {}}; }) count = 2;
  if (requires { T{{}, {}, {}}; }) count = 3;
  if (requires { T{{}, {}, {}, {}}; }) count = 4;
  if (requires { T{{}, {}, {}, {}, {}}; }) count = 5;
  if (requires { T{{}, {}, {}, {}, {}, {}}; }) count = 6;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}}; }) count = 7;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}}; }) count = 8;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 9;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 10;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 11;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 12;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 13;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 14;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 15;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 16;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 17;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 18;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 19;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 20;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 21;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 22;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 23;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 24;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 25;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 26;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 27;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 28;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 29;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 30;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 31;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 32;
  if (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) count = 33;
  return count;
}
// clang-format on

/// Converts to the bases of T and to nothing else.
template <class T>
struct any_base {
  template <class B>
    requires(std::is_base_of_v<B, T> && !std::is_same_v<B, T>)
  operator B() const noexcept;
};

/// Converts to an M and to nothing else.
template <class M>
struct only_member {
  operator M() const noexcept;
};

template <class T, class M, std::size_t... I>
constexpr bool is_member_after(std::index_sequence<I...>) {
  return requires { T{{(static_cast<void>(I), any_member{})}..., only_member<M>{}}; };
}

/// Whether an aggregate has an M among its first max_members members. Asked by initialising, which works on structs
/// that cannot be taken apart too: with bit-fields, bases or unions without a name.
template <class T, class M>
constexpr bool has_member() {
  return []<std::size_t... N>(std::index_sequence<N...>) {
    return (is_member_after<T, M>(std::make_index_sequence<N>{}) || ...);
  }(std::make_index_sequence<max_members>{});
}

/// A struct without bases, constructors or private members, of at most max_members members, that can be
/// taken apart if it has no union without a name.
template <class T>
concept field_struct = std::is_class_v<T> && std::is_aggregate_v<T> && (count_members<T>() > 0) &&
                       count_members<T>() <= max_members && !requires { T{any_base<T>{}}; };

/// What with_members() gives instead of calling `f` with bit-fields, which nothing can refer to.
struct not_objects {};

/// Calls `f` with a pack of references to the members of `object`.
// clang-format off
template <class T, class F>
constexpr decltype(auto) with_members(T& object, F&& f) {
  constexpr std::size_t count = count_members<std::remove_const_t<T>>();
  if constexpr (count == 1) { auto& [m0] = object; if constexpr (requires { f(m0); }) return f(m0); else return not_objects{}; }
  else if constexpr (count == 2) { auto& [m0, m1] = object; if constexpr (requires { f(m0, m1); }) return f(m0, m1); else return not_objects{}; }
  else if constexpr (count == 3) { auto& [m0, m1, m2] = object; if constexpr (requires { f(m0, m1, m2); }) return f(m0, m1, m2); else return not_objects{}; }
  else if constexpr (count == 4) { auto& [m0, m1, m2, m3] = object; if constexpr (requires { f(m0, m1, m2, m3); }) return f(m0, m1, m2, m3); else return not_objects{}; }
  else if constexpr (count == 5) { auto& [m0, m1, m2, m3, m4] = object; if constexpr (requires { f(m0, m1, m2, m3, m4); }) return f(m0, m1, m2, m3, m4); else return not_objects{}; }
  else if constexpr (count == 6) { auto& [m0, m1, m2, m3, m4, m5] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5); }) return f(m0, m1, m2, m3, m4, m5); else return not_objects{}; }
  else if constexpr (count == 7) { auto& [m0, m1, m2, m3, m4, m5, m6] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6); }) return f(m0, m1, m2, m3, m4, m5, m6); else return not_objects{}; }
  else if constexpr (count == 8) { auto& [m0, m1, m2, m3, m4, m5, m6, m7] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7); }) return f(m0, m1, m2, m3, m4, m5, m6, m7); else return not_objects{}; }
  else if constexpr (count == 9) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8); else return not_objects{}; }
  else if constexpr (count == 10) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9); else return not_objects{}; }
  else if constexpr (count == 11) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10); else return not_objects{}; }
  else if constexpr (count == 12) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11); else return not_objects{}; }
  else if constexpr (count == 13) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12); else return not_objects{}; }
  else if constexpr (count == 14) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13); else return not_objects{}; }
  else if constexpr (count == 15) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14); else return not_objects{}; }
  else if constexpr (count == 16) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15); else return not_objects{}; }
  else if constexpr (count == 17) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16); else return not_objects{}; }
  else if constexpr (count == 18) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17); else return not_objects{}; }
  else if constexpr (count == 19) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18); else return not_objects{}; }
  else if constexpr (count == 20) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19); else return not_objects{}; }
  else if constexpr (count == 21) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20); else return not_objects{}; }
  else if constexpr (count == 22) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21); else return not_objects{}; }
  else if constexpr (count == 23) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22); else return not_objects{}; }
  else if constexpr (count == 24) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23); else return not_objects{}; }
  else if constexpr (count == 25) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24); else return not_objects{}; }
  else if constexpr (count == 26) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25); else return not_objects{}; }
  else if constexpr (count == 27) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26); else return not_objects{}; }
  else if constexpr (count == 28) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27); else return not_objects{}; }
  else if constexpr (count == 29) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28); else return not_objects{}; }
  else if constexpr (count == 30) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29); else return not_objects{}; }
  else if constexpr (count == 31) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30); else return not_objects{}; }
  else if constexpr (count == 32) { auto& [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31] = object; if constexpr (requires { f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31); }) return f(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31); else return not_objects{}; }
}
// clang-format on

/// Converts to unions and to nothing else.
struct any_union {
  template <class U>
    requires std::is_union_v<U>
  operator U() const noexcept;
};

template <class T, std::size_t... I>
constexpr bool is_union_after(std::index_sequence<I...>) {
  return requires { T{{(static_cast<void>(I), any_member{})}..., any_union{}}; };
}

/// Whether a field_struct has a union among its members, with a name or without: one without cannot be taken apart.
template <class T>
constexpr bool has_union() {
  return []<std::size_t... N>(std::index_sequence<N...>) {
    return (is_union_after<T>(std::make_index_sequence<N>{}) || ...);
  }(std::make_index_sequence<count_members<T>()>{});
}

/// Whether no member of a field_struct without unions is a bit-field.
template <class T>
constexpr bool members_are_objects() {
  return !std::is_same_v<not_objects, decltype(with_members(std::declval<T&>(), [](auto&...) { return 0; }))>;
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
