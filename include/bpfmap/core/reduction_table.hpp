// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_REDUCTION_TABLE_HPP
#define BPFMAP_CORE_REDUCTION_TABLE_HPP

// Reducers as tables: what a program in the kernel must do with each number of a slot, so that it gives what the
// C++ reducer gives. Which reducers of which slots have such a table is known when compiling.

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <system_error>
#include <type_traits>

#include <bpfmap/core/fields.hpp>
#include <bpfmap/core/made_once.hpp>
#include <bpfmap/core/numbers.hpp>
#include <bpfmap/core/reduce.hpp>
#include <bpfmap/core/reduce_members.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// How a number of a slot joins the same number of the result.
enum class reduction : std::uint8_t {
  add,         ///< modulo 2^64
  add_within,  ///< stops at the limits of its type
  smaller,
  larger,
  bit_or,
  bit_and
};

/// One number of a slot. It has the same place in the result.
struct reduced_number {
  std::uint16_t offset = 0;
  std::uint8_t bytes = 0;         ///< of the slot's: 1, 2, 4 or 8
  std::uint8_t result_bytes = 0;  ///< 8 where a single number is widened
  bool is_signed = false;
  reduction how = reduction::add;
};

/// A reducer of one kind of slots.
struct reduction_table {
  std::span<reduced_number const> numbers;
  std::uint32_t slot_bytes = 0;
  std::uint32_t result_bytes = 0;
  bool only_touched = false;  ///< slots of zeros do not count, and the first that counts is taken as it is
};

// How many integers of at most 8 bytes a T is made of, and nothing but them; else 0.
template <class T>
constexpr std::size_t integers_in() {
  if constexpr (std::is_integral_v<T>) {
    return sizeof(T) <= 8 ? 1 : 0;
  } else if constexpr (std::is_array_v<T>) {
    return std::extent_v<T> * integers_in<std::remove_cv_t<std::remove_extent_t<T>>>();
  } else if constexpr (reduce::detail::is_std_array<T>) {
    return std::tuple_size_v<T> * integers_in<typename T::value_type>();
  } else if constexpr (std::is_class_v<T> && reduce::detail::is_numeric<T>()) {
    // Asked of the members' types only: no T is made.
    return decltype(with_members(std::declval<T&>(), []<class... M>(M&...) {
      constexpr bool all = ((integers_in<std::remove_cv_t<M>>() > 0) && ...);
      return std::integral_constant < std::size_t, all ? (integers_in<std::remove_cv_t<M>>() + ...) : 0 > {};
    }))::value;
  } else {
    return 0;
  }
}

/// Larger slots reduce faster when they are copied.
inline constexpr std::size_t max_reduced_numbers = 64;

template <class Reducer>
inline constexpr bool has_reduction = std::is_same_v<Reducer, reduce::sum> || std::is_same_v<Reducer, reduce::min> ||
                                      std::is_same_v<Reducer, reduce::max> || std::is_same_v<Reducer, reduce::bit_or> ||
                                      std::is_same_v<Reducer, reduce::bit_and>;

template <class Slot, class Reducer, class Number>
constexpr reduction reduction_of() {
  if constexpr (std::is_same_v<Reducer, reduce::min>)
    return reduction::smaller;
  else if constexpr (std::is_same_v<Reducer, reduce::max>)
    return reduction::larger;
  else if constexpr (std::is_same_v<Reducer, reduce::bit_or>)
    return reduction::bit_or;
  else if constexpr (std::is_same_v<Reducer, reduce::bit_and>)
    return reduction::bit_and;
  else if constexpr (std::is_same_v<Number, Slot> || sizeof(Number) == 8)
    return reduction::add;
  else
    return std::is_same_v<Number, bool> ? reduction::bit_or : reduction::add_within;
}

/// What a table says of a reducer: how many numbers it has (0: no table says all about it), and which.
template <class Slot, class Reducer>
struct reduction_numbers {
  static constexpr std::size_t count = [] {
    if constexpr (has_reduction<Reducer> && reducer<Reducer, Slot>)
      return integers_in<Slot>();
    else
      return std::size_t{0};
  }();
  static constexpr bool only_touched =
      !std::is_same_v<Reducer, reduce::sum> && !std::is_same_v<Reducer, reduce::bit_or>;

  /// Calls `f(number, how, bytes of the result)` for each number of `slot`.
  template <class F>
  static void for_each(Slot const& slot, F const& f) {
    reduce::detail::for_each_number(
        [&]<class Number>(Number const& number) {
          f(number, reduction_of<Slot, Reducer, Number>(),
            sizeof(std::conditional_t<std::is_same_v<Number, Slot>, reduced_t<Reducer, Slot>, Number>));
        },
        slot);
  }
};

// Members of their own reducers: where these look at all slots alike. Which slots count for a minimum is asked of each
// member, and a table knows of whole slots only.
template <class Member>
inline constexpr std::size_t member_numbers = (std::is_same_v<typename Member::reducer_type, reduce::sum> ||
                                               std::is_same_v<typename Member::reducer_type, reduce::bit_or>)
                                                  ? integers_in<typename Member::member_type>()
                                                  : 0;

template <class List>
inline constexpr std::size_t list_numbers = 0;
template <class... Member>
inline constexpr std::size_t list_numbers<reduce::detail::member_list<Member...>> =
    ((member_numbers<Member> > 0) && ...) ? (member_numbers<Member> + ... + 0) : 0;

template <class Slot, class... Parts>
struct reduction_numbers<Slot, reduce::members<Parts...>> {
  using members = reduce::members<Parts...>;
  static constexpr std::size_t count = [] {
    if constexpr (std::is_void_v<typename members::rest_reducer> && reducer<members, Slot>)
      return list_numbers<typename members::named>;
    else
      return std::size_t{0};
  }();
  static constexpr bool only_touched = false;

  template <class F>
  static void for_each(Slot const& slot, F const& f) {
    members::named::for_each([&]<class Member>(std::type_identity<Member>) {
      reduce::detail::for_each_number(
          [&]<class Number>(Number const& number) {
            // As part of a struct, which it is: it stops at its limit.
            f(number, reduction_of<Slot, typename Member::reducer_type, Number>(), sizeof(Number));
          },
          slot.*Member::which);
    });
  }
};

/// Whether a table says all about this reducer of these slots. Not of floating point, of other predicates than the
/// usual ones, of mean, any, merge and slots, and of a user's own: those take the slots themselves.
template <class Slot, class Reducer>
inline constexpr bool reducible_in_kernel = reduction_numbers<Slot, Reducer>::count > 0 &&
                                            reduction_numbers<Slot, Reducer>::count <= max_reduced_numbers &&
                                            sizeof(Slot) <= 4096;

template <class Slot, class Reducer>
inline constinit made_once<std::array<reduced_number, reduction_numbers<Slot, Reducer>::count>> the_reduced_numbers;

/// The table, made at the first call: where members lie is not known when compiling. Without numbers, if there was no
/// memory for them.
template <class Slot, class Reducer>
  requires reducible_in_kernel<Slot, Reducer>
reduction_table reduction_table_of() noexcept {
  using all = reduction_numbers<Slot, Reducer>;
  std::error_code ignored;
  auto const* const numbers = the_reduced_numbers<Slot, Reducer>.get(
      [](auto& made, std::error_code&) noexcept {
        Slot const model{};
        auto const* const start = reinterpret_cast<std::byte const*>(&model);
        std::size_t at = 0;
        all::for_each(model, [&]<class Number>(Number const& number, reduction how, std::size_t result_bytes) {
          made[at++] = {.offset = static_cast<std::uint16_t>(reinterpret_cast<std::byte const*>(&number) - start),
                        .bytes = sizeof(Number),
                        .result_bytes = static_cast<std::uint8_t>(result_bytes),
                        .is_signed = std::is_signed_v<Number>,
                        .how = how};
        });
      },
      ignored);
  return {.numbers = numbers == nullptr ? std::span<reduced_number const>() : *numbers,
          .slot_bytes = sizeof(Slot),
          .result_bytes = sizeof(reduced_t<Reducer, Slot>),
          .only_touched = all::only_touched};
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
