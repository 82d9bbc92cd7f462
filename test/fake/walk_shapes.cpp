// SPDX-License-Identifier: MIT
// What walks look like to their user: ranges, for_each, error codes and error texts.
#include "ring.hpp"

#include <algorithm>
#include <ranges>
#include <stdexcept>
#include <utility>

namespace {

using fake::call;
using test::filled;
using test::flows;
using test::has;

using entry_range = decltype(std::declval<flows const&>().entries());
using key_range = decltype(std::declval<flows const&>().keys());

static_assert(std::ranges::input_range<entry_range>);
static_assert(std::ranges::view<entry_range>);
static_assert(std::ranges::borrowed_range<entry_range>);
static_assert(std::ranges::input_range<key_range>);
static_assert(std::ranges::input_range<flows const>);
static_assert(std::same_as<std::ranges::range_value_t<flows const>, std::pair<std::uint32_t, std::uint64_t>>);
static_assert(!std::ranges::forward_range<entry_range>);

}  // namespace

BOOST_FIXTURE_TEST_SUITE(walk_shapes, test::ring)

BOOST_AUTO_TEST_CASE(work_with_the_algorithms_of_ranges) {
  auto const map = filled<flows>(10);
  BOOST_TEST(std::ranges::count_if(map.keys(), [](std::uint32_t key) { return key % 2 == 0; }) == 5);
  auto const large = [](auto const& entry) { return entry.second > 8; };
  unsigned seen = 0;
  for (auto const& [key, value] : map.entries() | std::views::filter(large)) seen += key;
  BOOST_TEST(seen == 17U);
  BOOST_TEST((std::ranges::find(map.values(), 3U) != std::default_sentinel));
}

BOOST_AUTO_TEST_CASE(stop_where_for_each_is_told_to) {
  auto const map = filled<flows>(10);
  unsigned calls = 0;
  BOOST_TEST(map.for_each([&](std::uint32_t, std::uint64_t) { return ++calls < 4; }) == 4U);
  BOOST_TEST(calls == 4U);
}

// "If f returns bool, false stops": other values say nothing.
BOOST_AUTO_TEST_CASE(take_no_other_value_than_bool_for_a_wish_to_stop) {
  auto const map = filled<flows>(10);
  BOOST_TEST(map.for_each([](std::uint32_t, std::uint64_t) { return 0; }) == 10U);
}

BOOST_AUTO_TEST_CASE(let_exceptions_of_for_each_through_and_can_be_walked_again) {
  auto const map = filled<flows>(10);
  unsigned calls = 0;
  auto const fifth = [&](std::uint32_t, std::uint64_t) {
    if (++calls == 5) throw std::runtime_error("enough");
  };
  BOOST_CHECK_THROW(map.for_each(fifth), std::runtime_error);
  BOOST_TEST(calls == 5U);
  BOOST_TEST(map.for_each([](auto&&...) {}) == 10U);
}

BOOST_AUTO_TEST_CASE(clear_an_error_code_of_earlier) {
  auto const map = filled<flows>(10);
  BOOST_TEST(!test::code_of([&](auto& ec) { map.for_each([](auto&&...) {}, ec); }));
  BOOST_TEST(!test::code_of([&](auto& ec) { map.for_each([](auto&&...) { return false; }, ec); }));
  BOOST_TEST(!test::code_of([&](auto& ec) { (void)std::ranges::distance(map.keys(ec)); }));
}

// A loop that is left early has not failed.
BOOST_AUTO_TEST_CASE(clear_an_error_code_of_earlier_also_where_the_loop_is_left) {
  auto const map = filled<flows>(10);
  BOOST_TEST(!test::code_of([&](auto& ec) {
    for ([[maybe_unused]] auto const& each : map.entries(ec)) break;
  }));
}

BOOST_AUTO_TEST_CASE(that_fail_name_the_operation_that_the_user_called) {
  auto const map = filled<flows>(3);
  fake::fail(call::lookup_batch, EPERM, fake::forever);
  BOOST_TEST(test::error_of([&] { (void)map.entries().begin(); }).operation == "entries");
  BOOST_TEST(test::error_of([&] { map.for_each([](auto&&...) {}); }).operation == "for_each");
  BOOST_TEST(test::error_of([&] { (void)map.keys().begin(); }).operation == "keys");
  BOOST_TEST(test::error_of([&] { (void)map.values().begin(); }).operation == "values");
}

BOOST_AUTO_TEST_CASE(that_fail_say_that_the_map_cannot_be_read) {
  auto const map = filled<flows>(3);
  fake::fail(call::lookup_batch, EPERM, fake::forever);
  fake::fail(call::next_key, EPERM, fake::forever);
  for (auto const& text :
       {test::message_of([&] { (void)map.begin(); }), test::message_of([&] { map.for_each([](auto&&...) {}); }),
        test::message_of([&] { (void)map.size(); })}) {
    BOOST_TEST(has(text, "[EPERM]: CAP_BPF is missing"), text);
  }
}

BOOST_AUTO_TEST_CASE(empty_that_fails_says_that_the_map_cannot_be_read) {
  auto const map = filled<flows>(3);
  fake::fail(call::next_key, EPERM, fake::forever);
  auto const text = test::message_of([&] { (void)map.empty(); });
  BOOST_TEST(has(text, "CAP_BPF is missing"), text);
}

BOOST_AUTO_TEST_CASE(empty_asks_for_one_key) {
  auto const map = filled<flows>(0);
  BOOST_TEST(map.empty());
  map.insert_or_assign(1, 1);
  auto const before = fake::calls(call::next_key);
  BOOST_TEST(!map.empty());
  BOOST_TEST(fake::calls(call::next_key) - before == 1U);
  for (int const number : {EPERM, EBADF, EFAULT, 524}) {
    fake::fail(call::next_key, number, 2);
    BOOST_TEST(test::code_of([&](auto& ec) { (void)map.empty(ec); }).value() == number);
    BOOST_TEST(test::error_of([&] { (void)map.empty(); }).operation == "empty");
  }
}

BOOST_AUTO_TEST_SUITE_END()
