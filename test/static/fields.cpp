// SPDX-License-Identifier: MIT
// core/fields.hpp: counting the members of structs of many shapes, and getting at them.

#include <bpfmap/core/fields.hpp>

#include "print.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

namespace {

using bpfmap::detail::count_members;
using bpfmap::detail::field_struct;
using bpfmap::detail::with_members;

template <class T>
constexpr std::size_t members = field_struct<T> ? count_members<T>() : 0;

enum class colour : std::uint8_t { red };
struct nothing {};

struct one {
  std::uint64_t a;
};
struct two {
  std::uint8_t a;
  std::uint64_t b;
};
struct three_of_a_kind {
  std::int32_t a, b, c;
};
struct scalars {
  bool truth;
  char letter;
  std::byte byte;
  colour tone;
  float small;
  long double large;
  void* pointer;
  void (*function)();
  int one::*member;
};
struct c_arrays {
  std::uint32_t words[4];
  char name[16];
  int matrix[2][3];
};
struct std_arrays {
  std::array<std::uint64_t, 5> numbers;
  std::array<two, 2> pairs;
  std::array<std::array<char, 3>, 2> letters;
};
struct nested {
  two first;
  struct {
    one inner;
    std::uint32_t words[2];
  } second;
  three_of_a_kind rest[2];
};
struct only_nested {
  nested inside;
};
struct with_union {
  union {
    std::uint32_t v4;
    std::uint8_t v6[16];
  } address;
  std::uint16_t port;
};
struct with_defaults {
  std::uint32_t a = 1;
  std::uint32_t b = 2;
};
struct with_const {
  std::uint32_t const a = 1;
  std::uint32_t b = 2;
};
struct with_functions {
  std::uint32_t a;
  static std::uint32_t square(std::uint32_t n) { return n * n; }
  [[nodiscard]] std::uint32_t twice() const { return 2 * a; }
  bool operator==(with_functions const&) const = default;
};
struct alignas(32) aligned {
  std::uint64_t a;
  std::uint32_t b;
};
struct __attribute__((packed)) packed {
  std::uint8_t a;
  std::uint64_t b;
};
struct bits {
  std::uint32_t low : 4;
  std::uint32_t high : 28;
  std::uint32_t whole;
};
template <class T>
struct of {
  T a;
  T b[2];
};

static_assert(members<one> == 1 && members<two> == 2 && members<three_of_a_kind> == 3);
static_assert(members<scalars> == 9);
static_assert(members<c_arrays> == 3 && members<std_arrays> == 3);
static_assert(members<nested> == 3 && members<only_nested> == 1);
static_assert(members<with_union> == 2);
static_assert(members<with_defaults> == 2 && members<with_const> == 2 && members<with_functions> == 1);
static_assert(members<aligned> == 2 && members<packed> == 2 && members<bits> == 3);
static_assert(members<of<std::uint8_t>> == 2 && members<of<two>> == 2 && members<of<std::array<int, 3>>> == 2);

// Any number of members, up to the limit.
template <std::size_t N>
struct many;
#define BPFMAP_TEST_MANY(number, ...) \
  template <>                         \
  struct many<number> {               \
    std::uint16_t __VA_ARGS__;        \
  }
BPFMAP_TEST_MANY(4, a, b, c, d);
BPFMAP_TEST_MANY(8, a, b, c, d, e, f, g, h);
BPFMAP_TEST_MANY(16, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
BPFMAP_TEST_MANY(31, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, a1, b1, c1, d1, e1);
BPFMAP_TEST_MANY(32, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, a1, b1, c1, d1, e1,
                 f1);
BPFMAP_TEST_MANY(33, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, a1, b1, c1, d1, e1,
                 f1, g1);
static_assert(members<many<4>> == 4 && members<many<8>> == 8 && members<many<16>> == 16);
static_assert(members<many<31>> == 31 && members<many<32>> == 32 && bpfmap::detail::max_members == 32);
static_assert(!field_struct<many<33>>);

// Not structs that can be taken apart.
class hidden {
 public:
  explicit hidden(int from) : a_(from) {}
  [[nodiscard]] int get() const { return a_; }

 private:
  int a_;
};
struct constructed {
  constructed() : a(1) {}
  std::uint32_t a;
};
union either {
  std::uint32_t a;
  float b;
};
struct derived_from_nothing : nothing {
  std::uint32_t a;
};
struct with_virtual {
  virtual ~with_virtual() = default;
  std::uint32_t a;
};
static_assert(!field_struct<int> && !field_struct<int*> && !field_struct<int[2]> && !field_struct<colour>);
static_assert(!field_struct<nothing> && !field_struct<hidden> && !field_struct<constructed>);
static_assert(!field_struct<either> && !field_struct<with_virtual> && !field_struct<std::string>);
static_assert(!field_struct<derived_from_nothing>);

// At compile time too.
constexpr std::uint64_t sum_of(two const& object) {
  return with_members(object, [](auto const&... member) { return (std::uint64_t{member} + ...); });
}
static_assert(sum_of({1, 2}) == 3);
constexpr bool changed = [] {
  three_of_a_kind object{1, 2, 3};
  with_members(object, [](auto&... member) { ((member *= 2), ...); });
  return object.a == 2 && object.b == 4 && object.c == 6;
}();
static_assert(changed);

// Shapes whose members no conversion can stand for.
struct with_empty_member {
  std::uint64_t count;
  nothing tag;
};
struct with_duration {
  std::uint64_t packets;
  std::chrono::nanoseconds longest;
};
struct with_optional {
  std::uint64_t packets;
  std::optional<std::uint32_t> first;
};
struct with_array_of_none {
  std::uint64_t packets;
  std::array<std::uint32_t, 0> none;
};

template <class T>
bool counted_right_or_left_alone(std::size_t expected) {
  return !field_struct<T> || count_members<T>() == expected;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(fields_hpp)

BOOST_AUTO_TEST_CASE(members_come_by_reference_and_in_order) {
  nested object{};
  with_members(object, [&](auto& first, auto& second, auto& rest) {
    BOOST_TEST(static_cast<void*>(&first) == &object.first);
    BOOST_TEST(static_cast<void*>(&second) == &object.second);
    BOOST_TEST(static_cast<void*>(&rest) == &object.rest);
    static_assert(std::is_same_v<decltype(rest), three_of_a_kind(&)[2]>);
  });
}

BOOST_AUTO_TEST_CASE(members_of_a_const_object_are_const) {
  two const object{1, 2};
  with_members(object, []<class... M>(M&...) { static_assert((std::is_const_v<M> && ...)); });
  BOOST_TEST(sum_of(object) == 3U);
}

BOOST_AUTO_TEST_CASE(all_members_of_the_largest_struct_are_reached) {
  many<32> object{};
  std::uint16_t number = 0;
  with_members(object, [&](auto&... member) { ((member = ++number), ...); });
  BOOST_TEST(number == 32U);
  BOOST_TEST(object.a == 1U);
  BOOST_TEST(object.f1 == 32U);
}

BOOST_AUTO_TEST_CASE(what_the_callable_returns_is_returned_as_it_is) {
  two object{1, 2};
  std::uint64_t& second = with_members(object, [](auto&, auto& b) -> auto& { return b; });
  BOOST_TEST(&second == &object.b);
}

// A wrong count is a hard error where the struct is taken apart, also where nobody asked for that.
BOOST_AUTO_TEST_CASE(an_empty_member_does_not_mislead_the_count) {
  BOOST_TEST(counted_right_or_left_alone<with_empty_member>(2));
  BOOST_TEST(counted_right_or_left_alone<with_array_of_none>(2));
}

BOOST_AUTO_TEST_CASE(a_member_with_constructors_does_not_mislead_the_count) {
  BOOST_TEST(counted_right_or_left_alone<with_duration>(2));
  BOOST_TEST(counted_right_or_left_alone<with_optional>(2));
}

BOOST_AUTO_TEST_SUITE_END()
