// SPDX-License-Identifier: MIT
// core/predicate.hpp: what questions about an element answer, as constants; and where the kernel finds what they ask.

#include <bpfmap/core/predicate.hpp>

#include "print.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace {

using bpfmap::field;
using bpfmap::key;
using bpfmap::key_field;
using bpfmap::value;
using bpfmap::detail::any_question;
using bpfmap::detail::operand_of;
using bpfmap::detail::question_about;
using bpfmap::detail::side;
using bpfmap::detail::sum_of;
using bpfmap::detail::whole_number;

struct times {
  std::uint8_t user;
  std::int16_t system;
};
struct stats {
  std::uint64_t bytes;
  std::int64_t balance;
  std::uint8_t flags;
  std::int8_t level;
  bool seen;
  char letter;
  times spent;
  double rate;
};
struct flow {
  std::uint32_t address;
  std::uint16_t port;
};

constexpr std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
constexpr std::int64_t min_signed = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t max_signed = std::numeric_limits<std::int64_t>::max();

constexpr flow here{.address = 0xffffffff, .port = 443};
constexpr stats some{
    .bytes = max, .balance = -1, .flags = 255, .level = -128, .seen = true, .letter = 'x', .spent = {7, -7}, .rate = 0};

// ---- numbers are in the order of mathematics, whatever their types ----

static_assert(whole_number::of(-1) < whole_number::of(0U) && whole_number::of(-1) < whole_number::of(max));
static_assert(whole_number::of(min_signed) < whole_number::of(-1) &&
              whole_number::of(max_signed) < whole_number::of(max));
static_assert(whole_number::of(std::int8_t{-1}) == whole_number::of(-1LL));
static_assert(whole_number::of(max) != whole_number::of(-1) && whole_number::of(true) == whole_number::of(1U));
static_assert(whole_number::of(5) == whole_number::of(5ULL));

// ---- comparisons, in either order ----

constexpr bool about_some(auto const& question) { return question(here, some); }

static_assert(about_some(field(&stats::bytes) == max) && !about_some(field(&stats::bytes) == -1));
static_assert(about_some(field(&stats::bytes) > -1) && about_some(-1 < field(&stats::bytes)));
static_assert(about_some(field(&stats::bytes) >= max) && !about_some(field(&stats::bytes) > max));
static_assert(about_some(field(&stats::balance) < 0U) && about_some(field(&stats::balance) != max));
static_assert(about_some(field(&stats::balance) == -1) && about_some(field(&stats::balance) <= -1));
static_assert(about_some(field(&stats::balance) > min_signed) && !about_some(field(&stats::balance) < -1));
static_assert(about_some(field(&stats::flags) == 255) && !about_some(field(&stats::flags) == -1));
static_assert(about_some(field(&stats::level) == -128) && !about_some(field(&stats::level) == 128));
static_assert(about_some(field(&stats::seen) == true) && about_some(field(&stats::seen) == 1));
static_assert(about_some(field(&stats::letter) == 'x'));
static_assert(about_some(field(&stats::spent, &times::system) == -7) &&
              about_some(field(&stats::spent, &times::user) == 7));
static_assert(about_some(key_field(&flow::port) == 443) && about_some(key_field(&flow::address) == 0xffffffff));
static_assert(about_some(255 == field(&stats::flags)) && about_some(254 != field(&stats::flags)));
static_assert(about_some(254 < field(&stats::flags)) && about_some(255 <= field(&stats::flags)));
static_assert(about_some(256 > field(&stats::flags)) && about_some(255 >= field(&stats::flags)));
static_assert(!about_some(255 < field(&stats::flags)) && !about_some(255 > field(&stats::flags)));

// ---- values and keys that are integers themselves ----

static_assert((value() > 3 && key() == -1)(std::int32_t{-1}, std::uint64_t{4}));
static_assert(!(value() > 3)(std::int32_t{-1}, std::uint64_t{3}));

// ---- joined ----

constexpr auto yes = field(&stats::flags) == 255;
constexpr auto no = field(&stats::flags) == 254;
static_assert(about_some(yes && yes) && !about_some(yes && no) && !about_some(no && yes) && !about_some(no && no));
static_assert(about_some(yes || yes) && about_some(yes || no) && about_some(no || yes) && !about_some(no || no));
static_assert(about_some(!no) && !about_some(!yes) && about_some(!(no || !yes)) && about_some(!!yes));
static_assert(about_some(no || (yes && !no)) && !about_some((no || yes) && no));
static_assert(std::is_trivially_copyable_v<decltype(!(yes && no) || yes)>, "no allocation, wherever it is kept");

// ---- what is asked of which map ----

using about_bytes = decltype(field(&stats::bytes) > 0);
using about_port = decltype(key_field(&flow::port) > 0);
static_assert(question_about<about_bytes, flow, stats> && question_about<about_bytes, int, stats>);
static_assert(!question_about<about_bytes, flow, times> && !question_about<about_bytes, stats, int>);
static_assert(question_about<about_port, flow, int> && !question_about<about_port, int, flow>);
static_assert(!question_about<decltype(value() > 0), flow, stats> && question_about<decltype(value() > 0), flow, bool>);
static_assert(!question_about<decltype(value() > 0), flow, double> && !question_about<decltype(key() > 0), flow, int>);
static_assert(!question_about<decltype(yes && key() > 0), flow, stats> &&
              question_about<decltype(yes && no), flow, stats>);
static_assert(!question_about<bool, flow, stats> && !any_question<int>);
static_assert(operand_of<decltype(value()), int, std::uint8_t> && !operand_of<decltype(value()), int, float>);
static_assert(!operand_of<about_bytes, flow, stats> && !operand_of<int, flow, stats>);

template <class Member>
constexpr bool is_field = requires(Member member) { field(member); };
static_assert(is_field<std::uint64_t stats::*> && is_field<bool stats::*>);
static_assert(!is_field<double stats::*> && !is_field<times stats::*> && !is_field<std::array<int, 2> stats::*>);
static_assert(!is_field<int> && !is_field<int*>);
template <class Number>
constexpr bool is_compared_with = requires(Number number) { field(&stats::bytes) == number; };
static_assert(is_compared_with<int> && is_compared_with<std::uint64_t> && is_compared_with<bool>);
static_assert(!is_compared_with<double> && !is_compared_with<void*> && !is_compared_with<decltype(value())>);

// ---- sums ----

static_assert(std::is_same_v<sum_of<decltype(field(&stats::flags)), flow, stats>, std::uint64_t>);
static_assert(std::is_same_v<sum_of<decltype(field(&stats::level)), flow, stats>, std::int64_t>);
static_assert(std::is_same_v<sum_of<decltype(field(&stats::seen)), flow, stats>, std::uint64_t>);
static_assert(std::is_same_v<sum_of<decltype(value()), flow, std::int16_t>, std::int64_t>);

// ---- members of a base ----

struct base {
  std::uint32_t counted;
};
struct derived : base {
  std::uint32_t more;
};
static_assert((field(&derived::counted) == 5)(0, derived{{5}, 6}) && (field(&derived::more) == 6)(0, derived{{5}, 6}));

}  // namespace

BOOST_AUTO_TEST_SUITE(predicate)

BOOST_AUTO_TEST_CASE(members_are_found_where_the_compiler_puts_them) {
  auto const check = [](bpfmap::detail::integer_place const& at, side from, std::size_t offset, unsigned bytes,
                        bool is_signed) {
    BOOST_TEST((at.from == from));
    BOOST_TEST(at.offset == offset);
    BOOST_TEST(at.bytes == bytes);
    BOOST_TEST(at.is_signed == is_signed);
  };
  check(field(&stats::bytes).place<flow, stats>(), side::value, offsetof(stats, bytes), 8, false);
  check(field(&stats::balance).place<flow, stats>(), side::value, offsetof(stats, balance), 8, true);
  check(field(&stats::level).place<flow, stats>(), side::value, offsetof(stats, level), 1, true);
  check(field(&stats::seen).place<flow, stats>(), side::value, offsetof(stats, seen), 1, false);
  check(field(&stats::spent, &times::system).place<flow, stats>(), side::value,
        offsetof(stats, spent) + offsetof(times, system), 2, true);
  check(key_field(&flow::port).place<flow, stats>(), side::key, offsetof(flow, port), 2, false);
  check(key_field(&flow::address).place<flow, int>(), side::key, 0, 4, false);
  check(value().place<flow, std::int16_t>(), side::value, 0, 2, true);
  check(key().place<std::uint64_t, int>(), side::key, 0, 8, false);
  check(field(&derived::more).place<int, derived>(), side::value, sizeof(base), 4, false);
  check(field(&derived::counted).place<int, derived>(), side::value, 0, 4, false);
}

BOOST_AUTO_TEST_SUITE_END()
