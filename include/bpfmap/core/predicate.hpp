// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_PREDICATE_HPP
#define BPFMAP_CORE_PREDICATE_HPP

// Questions about one element, such as field(&stats::bytes) > 1000, as objects: they are asked here, in C++, or written
// as instructions for the kernel to ask them of each element of a map.

#include <bit>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

#include <bpfmap/core/concepts.hpp>

namespace bpfmap::inline BPFMAP_ABI {

namespace detail {

/// What both C++ and the kernel can read and compare.
template <class T>
inline constexpr bool is_plain_integer =
    std::is_integral_v<T> && (sizeof(T) == 1 || sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8);

template <class Member>
concept integer_member =
    because<is_plain_integer<Member>, "a field is an integer of 1, 2, 4 or 8 bytes: this member is something else">;

template <class Number>
concept compared_number =
    because<is_plain_integer<Number>, "a field is compared with an integer: write 1000, not 1e3 and no other field">;

/// Any integer of up to 64 bits, with sign or without.
struct whole_number {
  std::uint64_t bits;
  bool negative;  // then the bits are those of an int64_t

  template <class Integer>
  static constexpr whole_number of(Integer value) noexcept {
    if constexpr (std::is_signed_v<Integer>) return {static_cast<std::uint64_t>(std::int64_t{value}), value < 0};
    return {static_cast<std::uint64_t>(value), false};
  }
  friend constexpr bool operator==(whole_number, whole_number) = default;
  friend constexpr std::strong_ordering operator<=>(whole_number a, whole_number b) noexcept {
    // Of one sign, the bits are in the order of the numbers.
    if (a.negative != b.negative) return b.negative <=> a.negative;
    return a.bits <=> b.bits;
  }
};

/// The bits of an integer as they lie there: a bool may be any byte to the kernel, and 1 or 0 to C++.
template <class Integer>
constexpr whole_number read(Integer const& from) noexcept {
  if constexpr (std::same_as<Integer, bool>)
    return whole_number::of(std::bit_cast<std::uint8_t>(from));
  else
    return whole_number::of(from);
}

enum class side : std::uint8_t { key, value };

/// Where an integer lies in an element.
struct integer_place {
  side from;
  std::uint32_t offset;  // bytes
  std::uint8_t bytes;
  bool is_signed;
};

// How to come from a key or a value to an integer in it.
struct all_of_it {
  template <class Whole>
  constexpr Whole const& operator()(Whole const& whole) const noexcept {
    return whole;
  }
};
template <class Struct, class Member>
struct member_of {
  Member Struct::*member;

  template <class Whole>
    requires std::derived_from<Whole, Struct>
  constexpr Member const& operator()(Whole const& whole) const noexcept {
    return whole.*member;
  }
};
template <class First, class Then>
struct one_after_another {
  First first;
  Then then;

  template <class Whole>
    requires std::invocable<First const&, Whole const&>
  constexpr auto const& operator()(Whole const& whole) const noexcept {
    return then(first(whole));
  }
};

/// An integer in each element.
template <side From, class Access>
struct operand {
  Access access;

  template <class Key, class Value>
  using whole = std::conditional_t<From == side::key, Key, Value>;

  /// Whether there is such a thing in these elements, and whether it is an integer.
  template <class Key, class Value>
  static constexpr bool found_in = std::invocable<Access const&, whole<Key, Value> const&>;
  template <class Key, class Value>
  static constexpr bool integer_in = [] {
    if constexpr (found_in<Key, Value>)
      return is_plain_integer<std::remove_cvref_t<std::invoke_result_t<Access const&, whole<Key, Value> const&>>>;
    else
      return false;
  }();

  template <class Key, class Value>
  constexpr auto const& of(Key const& key, Value const& value) const noexcept {
    if constexpr (From == side::key)
      return access(key);
    else
      return access(value);
  }

  /// Where it lies in a Key or a Value. C++ has no way to ask a pointer to a member, but it has addresses.
  template <class Key, class Value>
  [[nodiscard]] integer_place place() const noexcept {
    whole<Key, Value> const object{};
    auto const& member = access(object);
    using integer = std::remove_cvref_t<decltype(member)>;
    auto const distance = reinterpret_cast<std::byte const*>(std::addressof(member)) -
                          reinterpret_cast<std::byte const*>(std::addressof(object));
    return {.from = From,
            .offset = static_cast<std::uint32_t>(distance),
            .bytes = sizeof(integer),
            .is_signed = std::is_signed_v<integer>};
  }
};

template <class T>
inline constexpr bool is_operand = false;
template <side From, class Access>
inline constexpr bool is_operand<operand<From, Access>> = true;
template <class T>
concept any_operand = is_operand<T>;

enum class relation : std::uint8_t { equal, not_equal, less, at_most, greater, at_least };

constexpr bool holds(relation what, std::strong_ordering order) noexcept {
  switch (what) {
    case relation::equal:
      return std::is_eq(order);
    case relation::not_equal:
      return std::is_neq(order);
    case relation::less:
      return std::is_lt(order);
    case relation::at_most:
      return std::is_lteq(order);
    case relation::greater:
      return std::is_gt(order);
    case relation::at_least:
      return std::is_gteq(order);
  }
  return false;
}

// What all questions have in common: a name that they are known by.
struct question {};

template <class T>
concept any_question = std::derived_from<T, question>;

template <any_operand Left>
struct comparison : question {
  Left left;
  relation what;
  whole_number right;

  constexpr comparison(Left const& a, relation is, whole_number b) noexcept : left(a), what(is), right(b) {}

  template <class Key, class Value>
  static constexpr bool found_in = Left::template found_in<Key, Value>;
  template <class Key, class Value>
  static constexpr bool integer_in = Left::template integer_in<Key, Value>;

  template <class Key, class Value>
  constexpr bool operator()(Key const& key, Value const& value) const noexcept {
    return holds(what, read(left.of(key, value)) <=> right);
  }
};

template <any_question A, any_question B, bool Both>
struct junction : question {
  A a;
  B b;

  constexpr junction(A const& first, B const& second) noexcept : a(first), b(second) {}

  template <class Key, class Value>
  static constexpr bool found_in = A::template found_in<Key, Value> && B::template found_in<Key, Value>;
  template <class Key, class Value>
  static constexpr bool integer_in = A::template integer_in<Key, Value> && B::template integer_in<Key, Value>;

  template <class Key, class Value>
  constexpr bool operator()(Key const& key, Value const& value) const noexcept {
    return Both ? a(key, value) && b(key, value) : a(key, value) || b(key, value);
  }
};

template <any_question A>
struct negation : question {
  A a;

  constexpr explicit negation(A const& of) noexcept : a(of) {}

  template <class Key, class Value>
  static constexpr bool found_in = A::template found_in<Key, Value>;
  template <class Key, class Value>
  static constexpr bool integer_in = A::template integer_in<Key, Value>;

  template <class Key, class Value>
  constexpr bool operator()(Key const& key, Value const& value) const noexcept {
    return !a(key, value);
  }
};

/// What is asked of no element: all of them count.
struct everything : question {
  template <class, class>
  static constexpr bool found_in = true;
  template <class, class>
  static constexpr bool integer_in = true;

  template <class Key, class Value>
  constexpr bool operator()(Key const&, Value const&) const noexcept {
    return true;
  }
};

// clang-format off
template <any_operand Left, class Number> requires compared_number<Number>
constexpr auto operator==(Left const& a, Number b) noexcept { return comparison<Left>(a, relation::equal, whole_number::of(b)); }
template <any_operand Left, class Number> requires compared_number<Number>
constexpr auto operator!=(Left const& a, Number b) noexcept { return comparison<Left>(a, relation::not_equal, whole_number::of(b)); }
template <any_operand Left, class Number> requires compared_number<Number>
constexpr auto operator<(Left const& a, Number b) noexcept { return comparison<Left>(a, relation::less, whole_number::of(b)); }
template <any_operand Left, class Number> requires compared_number<Number>
constexpr auto operator<=(Left const& a, Number b) noexcept { return comparison<Left>(a, relation::at_most, whole_number::of(b)); }
template <any_operand Left, class Number> requires compared_number<Number>
constexpr auto operator>(Left const& a, Number b) noexcept { return comparison<Left>(a, relation::greater, whole_number::of(b)); }
template <any_operand Left, class Number> requires compared_number<Number>
constexpr auto operator>=(Left const& a, Number b) noexcept { return comparison<Left>(a, relation::at_least, whole_number::of(b)); }

template <class Number, any_operand Right> requires compared_number<Number>
constexpr auto operator==(Number a, Right const& b) noexcept { return b == a; }
template <class Number, any_operand Right> requires compared_number<Number>
constexpr auto operator!=(Number a, Right const& b) noexcept { return b != a; }
template <class Number, any_operand Right> requires compared_number<Number>
constexpr auto operator<(Number a, Right const& b) noexcept { return b > a; }
template <class Number, any_operand Right> requires compared_number<Number>
constexpr auto operator<=(Number a, Right const& b) noexcept { return b >= a; }
template <class Number, any_operand Right> requires compared_number<Number>
constexpr auto operator>(Number a, Right const& b) noexcept { return b < a; }
template <class Number, any_operand Right> requires compared_number<Number>
constexpr auto operator>=(Number a, Right const& b) noexcept { return b <= a; }

template <any_question A, any_question B>
constexpr auto operator&&(A const& a, B const& b) noexcept { return junction<A, B, true>(a, b); }
template <any_question A, any_question B>
constexpr auto operator||(A const& a, B const& b) noexcept { return junction<A, B, false>(a, b); }
template <any_question A>
constexpr auto operator!(A const& a) noexcept { return negation<A>(a); }
// clang-format on

/// What can be asked of the elements of a map with these keys and values.
template <class Question, class Key, class Value>
concept question_about =
    because<any_question<Question>,
            "ask by comparing fields with integers, such as field(&stats::bytes) > 1000; for "
            "anything else there is for_each"> &&
    because<Question::template found_in<Key, Value>,
            "this field is not of this map: field() takes members of its value, key_field() of its key"> &&
    because<Question::template integer_in<Key, Value>,
            "value() is for maps whose values are integers, key() for such keys: name a member by field() or "
            "key_field()">;

/// What can be summed up, or compared, over the elements of a map with these keys and values.
template <class Operand, class Key, class Value>
concept operand_of =
    because<any_operand<Operand>, "name what is meant by field(&stats::bytes), value(), key() or key_field()"> &&
    because<Operand::template found_in<Key, Value>,
            "this field is not of this map: field() takes members of its value, key_field() of its key"> &&
    because<Operand::template integer_in<Key, Value>,
            "value() is for maps whose values are integers, key() for such keys: name a member by field() or "
            "key_field()">;

/// What sums of it are: 64 bits, with a sign if it has one.
template <class Operand, class Key, class Value>
using sum_of = std::conditional_t<std::is_signed_v<std::remove_cvref_t<decltype(std::declval<Operand const&>().of(
                                      std::declval<Key const&>(), std::declval<Value const&>()))>>,
                                  std::int64_t, std::uint64_t>;

}  // namespace detail

/// An integer member of a map's values, to compare with ==, !=, <, <=, > and >= with integers (as numbers: -1 is less
/// than any unsigned member), to join by &&, || and !, to sum up and to sort by. A bool counts as the byte that it is.
/// @code
/// flows.count_if(field(&stats::bytes) > 1000 && !(field(&stats::state) == 3));
/// flows.sum(field(&stats::times, &times::user));  // a member of a member
/// @endcode
template <class Struct, class Member>
  requires detail::integer_member<Member>
constexpr auto field(Member Struct::*member) noexcept {
  using reach = detail::member_of<Struct, Member>;
  return detail::operand<detail::side::value, reach>{reach{member}};
}
template <class Struct, class Inner, class Member>
  requires detail::integer_member<Member>
constexpr auto field(Inner Struct::*outer, Member Inner::*member) noexcept {
  using reach = detail::one_after_another<detail::member_of<Struct, Inner>, detail::member_of<Inner, Member>>;
  return detail::operand<detail::side::value, reach>{reach{{outer}, {member}}};
}

/// An integer member of a map's keys, as field().
template <class Struct, class Member>
  requires detail::integer_member<Member>
constexpr auto key_field(Member Struct::*member) noexcept {
  using reach = detail::member_of<Struct, Member>;
  return detail::operand<detail::side::key, reach>{reach{member}};
}

/// The values of a map whose values are integers, or its keys, if they are; as field().
/// @code
/// counters.count_if(value() != 0 && key() < 100);
/// @endcode
constexpr auto value() noexcept { return detail::operand<detail::side::value, detail::all_of_it>{}; }
constexpr auto key() noexcept { return detail::operand<detail::side::key, detail::all_of_it>{}; }

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
