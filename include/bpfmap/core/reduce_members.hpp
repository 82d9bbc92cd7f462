// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_REDUCE_MEMBERS_HPP
#define BPFMAP_CORE_REDUCE_MEMBERS_HPP

// reduce::members: structs of which each member reduces in a way of its own.

#include <array>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/fields.hpp>
#include <bpfmap/core/numbers.hpp>
#include <bpfmap/core/reduce.hpp>

namespace bpfmap::inline BPFMAP_ABI::reduce {

namespace detail {

// What reducers see an array as: a C array can be neither returned nor assigned.
template <class T>
struct as_std_array {
  using type = T;
};
template <class T, std::size_t N>
struct as_std_array<T[N]> {
  using type = std::array<typename as_std_array<T>::type, N>;
};

// What the reducer of a member sees it as. A sum of a narrow number alone would be of 64 bits, and not of the member's
// type: as a row of one it stops at its limit, as numbers in structs do.
template <class R, class Member>
using seen_as = std::conditional_t<std::is_same_v<R, sum> && std::is_arithmetic_v<Member>, std::array<Member, 1>,
                                   typename as_std_array<Member>::type>;

template <class R, class Seen>
concept reduces_to_the_same = takes_slots<R, Seen> && std::same_as<reduced_t<R, Seen>, Seen>;

template <class R, class Seen>
concept can_scatter = requires(R const& r, Seen const& value, per_cpu_view<Seen> slots) { r.scatter(value, slots); };

template <class R, class Seen>
inline constexpr bool scatters_quietly = requires(R const& r, Seen const& value, per_cpu_view<Seen> slots) {
  { r.scatter(value, slots) } noexcept;
};

// What there is to say of a scatter() that gives nothing is that it worked.
template <class R, class Seen>
bool scatter_to(Seen const& value, per_cpu_view<Seen> slots) noexcept(scatters_quietly<R, Seen>) {
  if constexpr (std::is_void_v<decltype(R{}.scatter(value, slots))>) {
    R{}.scatter(value, slots);
    return true;
  } else {
    return R{}.scatter(value, slots);
  }
}

/// One member of a slot, and its reducer.
template <class R, auto Which>
struct member_reduction;

template <class R, class Slot, class Member, Member Slot::*Which>
struct member_reduction<R, Which> {
  using reducer_type = R;
  using slot_type = Slot;
  using member_type = Member;
  using seen = seen_as<R, Member>;
  static constexpr Member Slot::*which = Which;
  static constexpr bool fits = reduces_to_the_same<R, seen>;

  static void reduce(per_cpu_view<Slot const> slots, Slot& result) {
    seen const reduced = R{}(slots.template member<seen>(Which));
    std::memcpy(static_cast<void*>(std::addressof(result.*Which)), static_cast<void const*>(&reduced), sizeof reduced);
  }
  static bool scatter(Slot const& value, per_cpu_view<Slot> slots) {
    seen member;
    std::memcpy(static_cast<void*>(&member), static_cast<void const*>(std::addressof(value.*Which)), sizeof member);
    return scatter_to<R>(member, slots.template member<seen>(Which));
  }
};

template <class A, class B>
constexpr bool same_member() {
  if constexpr (std::same_as<typename A::slot_type, typename B::slot_type> &&
                std::same_as<typename A::member_type, typename B::member_type>)
    return A::which == B::which;
  else
    return false;
}

template <class... Members>
struct member_list {
  template <class Slot>
  static constexpr bool are_of = (std::same_as<typename Members::slot_type, Slot> && ...);
  static constexpr std::size_t count = sizeof...(Members);

  template <class One>
  static constexpr std::size_t times = (std::size_t{same_member<One, Members>()} + ... + 0);
  static constexpr bool are_different = ((times<Members> == 1) && ...);
  static constexpr bool fit = (Members::fits && ...);
  static constexpr bool can_scatter =
      (detail::can_scatter<typename Members::reducer_type, typename Members::seen> && ...);
  static constexpr bool nothrow =
      (std::is_nothrow_invocable_v<typename Members::reducer_type const&, per_cpu_view<typename Members::seen const>> &&
       ...);
  static constexpr bool nothrow_scatter =
      (scatters_quietly<typename Members::reducer_type, typename Members::seen> && ...);

  /// Calls `f` with each.
  template <class F>
  static constexpr void for_each(F&& f) {
    (f(std::type_identity<Members>{}), ...);
  }
};

template <class... Lists>
struct joined;
template <>
struct joined<> {
  using type = member_list<>;
};
template <class... A>
struct joined<member_list<A...>> {
  using type = member_list<A...>;
};
template <class... A, class... B, class... More>
struct joined<member_list<A...>, member_list<B...>, More...> {
  using type = typename joined<member_list<A..., B...>, More...>::type;
};

// Whether a T takes so many initialisers, each in braces: also of more members than count_members() counts.
template <class T, std::size_t... I>
constexpr bool takes_initialisers(std::index_sequence<I...>) {
  return requires { T{{(static_cast<void>(I), core::any_member{})}...}; };
}

/// Whether a T has so many members: bit-fields count, and a union without a name is one. False where that cannot be
/// known.
template <class T, std::size_t Count>
constexpr bool has_so_many_members() {
  if constexpr (!std::is_aggregate_v<T> || requires { T{core::any_base<T>{}}; })
    return false;
  else if constexpr (core::count_members<T>() <= core::max_members)
    return core::count_members<T>() == Count;
  else
    return takes_initialisers<T>(std::make_index_sequence<Count>{}) &&
           !takes_initialisers<T>(std::make_index_sequence<Count + 1>{});
}

}  // namespace detail

/// A part of reduce::members: members that `Reducer` reduces, each for itself. `&T::count`, also of arrays and structs.
template <class Reducer, auto... Members>
struct by {
  static_assert(sizeof...(Members) > 0 && (std::is_member_object_pointer_v<decltype(Members)> && ...),
                "reduce::by takes a reducer and pointers to members: reduce::by<reduce::sum, &T::count, &T::bytes>");
  using named = detail::member_list<detail::member_reduction<Reducer, Members>...>;
};

/// A part of reduce::members: what no reduce::by names is that of the slot that `Reducer` makes of all slots, such as
/// reduce::any.
template <class Reducer>
struct rest {
  using named = detail::member_list<>;
};

namespace detail {

template <class Part>
struct rest_of {
  using type = void;
};
template <class R>
struct rest_of<rest<R>> {
  using type = R;
};
// The first of them that is not void.
template <class... R>
struct first_rest {
  using type = void;
};
template <class R, class... More>
struct first_rest<R, More...> {
  using type = std::conditional_t<std::is_void_v<R>, typename first_rest<More...>::type, R>;
};

}  // namespace detail

/// For each member its own reducer: a counter adds up, a name is that of any CPU that has one.
///
/// Every member is named once, or there is a reduce::rest for the others; a union stands for one. What a member's
/// reducer sees is that member alone: reduce::any takes the first CPU's that is not all zeros.
/// @code
/// struct stats { std::uint64_t count; std::uint64_t first_seen; char comm[16]; };
/// using of_stats = reduce::members<reduce::by<reduce::sum, &stats::count>, reduce::by<reduce::min,
/// &stats::first_seen>,
///                                  reduce::by<reduce::any, &stats::comm>>;
/// auto calls = bpfmap::percpu_hash<std::uint32_t, stats, of_stats>::bind(skeleton->maps.calls);
/// @endcode
template <class... Parts>
struct members {
  using named = typename detail::joined<typename Parts::named...>::type;
  /// The reducer of all else, or void.
  using rest_reducer = typename detail::first_rest<typename detail::rest_of<Parts>::type...>::type;

  template <class Slot>
    requires(detail::naming_of<members, Slot> == detail::naming::right)
  Slot operator()(per_cpu_view<Slot const> slots) const noexcept(nothrow<Slot>()) {
    Slot result{};
    if constexpr (!std::is_void_v<rest_reducer>) result = rest_reducer{}(slots);
    named::for_each([&]<class M>(std::type_identity<M>) { M::reduce(slots, result); });
    return result;
  }

  template <class Slot>
    requires(detail::naming_of<members, Slot> == detail::naming::right && named::can_scatter &&
             (std::is_void_v<rest_reducer> || detail::can_scatter<rest_reducer, Slot>))
  bool scatter(std::type_identity_t<Slot> const& value, per_cpu_view<Slot> slots) const
      noexcept(named::nothrow_scatter &&
               (std::is_void_v<rest_reducer> || detail::scatters_quietly<rest_reducer, Slot>)) {
    bool done = true;
    if constexpr (!std::is_void_v<rest_reducer>)
      done = detail::scatter_to<rest_reducer>(value, slots);
    else
      detail::fill(slots, Slot{});
    named::for_each([&]<class M>(std::type_identity<M>) { done = M::scatter(value, slots) && done; });
    return done;
  }

 private:
  template <class Slot>
  static constexpr bool nothrow() {
    if constexpr (std::is_void_v<rest_reducer>)
      return named::nothrow;
    else
      return named::nothrow && std::is_nothrow_invocable_v<rest_reducer const&, per_cpu_view<Slot const>>;
  }
};

namespace detail {

template <class... Parts, class Slot>
inline constexpr naming naming_of<members<Parts...>, Slot> = [] {
  using named = typename members<Parts...>::named;
  using rest = typename members<Parts...>::rest_reducer;
  if constexpr (!named::template are_of<Slot>)
    return naming::foreign;
  else if constexpr (!named::are_different)
    return naming::twice;
  else if constexpr (std::is_void_v<rest> && !has_so_many_members<Slot, named::count>())
    return naming::incomplete;
  else if constexpr (!named::fit)
    return naming::unfit;
  else if constexpr (std::is_void_v<rest>)
    return naming::right;
  else
    return reduces_to_the_same<rest, Slot> ? naming::right : naming::unfit;
}();

}  // namespace detail

}  // namespace bpfmap::inline BPFMAP_ABI::reduce

#endif
