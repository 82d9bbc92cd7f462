// SPDX-License-Identifier: MIT
// What allocates and what does not, counted by replaced operators new.
#include "ring.hpp"

#include <array>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

namespace {

using fake::call;
using test::filled;
using test::flows;

template <class F>
std::size_t allocations_in(F&& f) {
  std::size_t const before = heap::allocations();
  f();
  return heap::allocations() - before;
}

// After one round, which may set up what stays.
template <class F>
std::size_t allocations_when_warm(F&& f) {
  f();
  return allocations_in(f);
}

template <class Map>
void elements_allocate_nothing(Map const& map) {
  auto const throwing = [&] {
    for (std::uint32_t key = 0; key < 5; ++key) {
      map.insert_or_assign(key, 5);
      map.assign(key, 6);
      (void)map.find(key);
      (void)map.at(key);
      (void)map.contains(key);
      (void)map.find(1000);
    }
  };
  auto const twins = [&] {
    std::error_code ec;
    for (std::uint32_t key = 0; key < 5; ++key) {
      map.insert_or_assign(key, 5, ec);
      map.assign(key, 6, ec);
      (void)map.find(key, ec);
      (void)map.at(key, ec);
      (void)map.contains(key, ec);
      (void)map.at(1000, ec);
    }
  };
  BOOST_TEST(allocations_when_warm(throwing) == 0U);
  BOOST_TEST(allocations_when_warm(twins) == 0U);
  if constexpr (requires { map.erase(1); }) {
    auto const more = [&] {
      std::error_code ec;
      for (std::uint32_t key = 0; key < 5; ++key) {
        map.insert(key, 5);
        map.insert(key, 5, ec);
        map.erase(key);
        map.erase(key, ec);
        map.insert_or_assign(key, 7);
        (void)map.extract(key);
        (void)map.extract(key, ec);
      }
    };
    BOOST_TEST(allocations_when_warm(more) == 0U);
  }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(allocations, test::ring)

BOOST_AUTO_TEST_CASE(are_none_for_elements_of_any_map) {
  elements_allocate_nothing(filled<flows>(3));
  elements_allocate_nothing(filled<bpfmap::lru_hash<std::uint32_t, std::uint64_t>>(3));
  elements_allocate_nothing(test::map_with<test::table>({}));
  elements_allocate_nothing(filled<test::hits>(3));
  elements_allocate_nothing(filled<bpfmap::lru_percpu_hash<std::uint32_t, std::uint64_t>>(3));
  elements_allocate_nothing(test::map_with<test::drops>({}));
}

BOOST_AUTO_TEST_CASE(are_none_for_errors_that_are_returned) {
  auto const map = filled<flows>(3);
  auto const slots = filled<test::hits>(3);
  for (call const which :
       {call::lookup, call::update, call::erase, call::extract, call::freeze, call::pin, call::get}) {
    fake::fail(which, EPERM, fake::forever);
  }
  auto const all = [&](auto const& each) {
    std::error_code ec;
    (void)each.find(1, ec);
    (void)each.contains(1, ec);
    each.insert(1, 1, ec);
    each.assign(1, 1, ec);
    each.insert_or_assign(1, 1, ec);
    each.erase(1, ec);
    (void)each.extract(1, ec);
    each.freeze(ec);
    each.pin("/nowhere", ec);
    each.unpin("/nowhere", ec);
  };
  BOOST_TEST(allocations_when_warm([&] { all(map), all(slots); }) == 0U);
}

BOOST_AUTO_TEST_CASE(of_a_per_cpu_map_are_one_in_each_thread) {
  auto const map = filled<test::hits>(3);
  std::size_t first = 0;
  std::size_t second = 0;
  std::thread([&] {
    first = allocations_in([&] { (void)map.find(1); });
    second = allocations_in([&] { (void)map.find(2); });
  }).join();
  BOOST_TEST(first == 1U);
  BOOST_TEST(second == 0U);
}

BOOST_AUTO_TEST_CASE(of_larger_and_smaller_slots_settle) {
  using large = std::array<std::uint64_t, 64>;
  auto const big = test::map_with<bpfmap::percpu_hash<std::uint32_t, large>>({.value_size = sizeof(large)});
  auto const small = filled<test::hits>(3);
  auto const both = [&] {
    (void)small.find(1);
    (void)big.find(1);
  };
  BOOST_TEST(allocations_when_warm(both) == 0U);
}

BOOST_AUTO_TEST_CASE(of_for_each_are_none_in_a_thread_that_has_walked_before) {
  auto const map = filled<flows>(10000, {.max_entries = 10000});
  std::uint64_t sum = 0;
  BOOST_TEST(allocations_when_warm([&] { map.for_each([&](auto, auto value) { sum += value; }); }) == 0U);
  fake::fail(call::lookup_batch, 524, fake::forever);
  BOOST_TEST(allocations_when_warm([&] { map.for_each([&](auto, auto value) { sum += value; }); }) == 0U);
}

BOOST_AUTO_TEST_CASE(of_a_range_are_two_at_the_most) {
  auto const map = filled<flows>(10000, {.max_entries = 10000});
  std::uint64_t sum = 0;
  BOOST_TEST(allocations_when_warm([&] {
               for (auto const& entry : map) sum += entry.second;
             }) <= 2U);
  BOOST_TEST(allocations_when_warm([&] { (void)map.keys(); }) == 0U);
}

BOOST_AUTO_TEST_CASE(of_many_keys_are_none_when_warm) {
  auto const map = filled<flows>(1000, {.max_entries = 1000});
  auto const slots = filled<test::hits>(1000, {.max_entries = 1000});
  std::vector<std::uint32_t> keys(500);
  std::iota(keys.begin(), keys.end(), 0U);
  std::vector<std::uint64_t> values(500);
  bpfmap::key_bits bits;
  auto const all = [&](auto const& each) {
    std::error_code ec;
    each.find(keys, values, bits, ec);
    each.insert_or_assign(keys, values, ec);
    each.assign(keys, values, bits, ec);
    each.erase(keys, bits, ec);
    each.insert(keys, values, bits, ec);
  };
  // Until programs have become worth a try, each of them once.
  for (int i = 0; i < 10; ++i) all(map), all(slots);
  BOOST_TEST(allocations_when_warm([&] { all(map), all(slots); }) == 0U);
}

BOOST_AUTO_TEST_CASE(of_size_are_none_once_the_counter_is_set_up) {
  auto const map = filled<flows>(700, {.max_entries = 1024});
  test::know_the_counter();
  BOOST_TEST(map.size() == 700U);
  BOOST_TEST(allocations_in([&] { (void)map.size(); }) == 0U);
  BOOST_TEST(allocations_in([&] { (void)map.empty(); }) == 0U);
}

BOOST_AUTO_TEST_CASE(of_moving_a_map_are_none) {
  auto map = filled<flows>(3);
  BOOST_TEST(allocations_in([&] {
               auto moved = std::move(map);
               map = std::move(moved);
             }) == 0U);
}

BOOST_AUTO_TEST_CASE(of_opening_a_map_without_exceptions_are_none) {
  auto const map = filled<flows>(3);
  auto const slots = filled<test::hits>(3);
  BOOST_TEST(allocations_in([&] {
               std::error_code ec;
               (void)flows::from_fd(map.fd(), ec);
               (void)flows::from_fd(slots.fd(), ec);
               (void)flows::from_fd(-1, ec);
               (void)map.clone(ec);
               (void)flows::create({.name = "x", .max_entries = 1}, ec);
               (void)flows::create({.name = "not a name", .max_entries = 1}, ec);
             }) == 0U);
}

// "@cost two allocations for each value read".
BOOST_AUTO_TEST_CASE(of_a_value_with_all_slots_are_two) {
  using map_type = bpfmap::percpu_hash<std::uint32_t, std::uint64_t, bpfmap::reduce::slots>;
  auto const map = test::map_with<map_type>({});
  std::error_code ec;
  map.insert_or_assign(1, bpfmap::per_cpu_values<std::uint64_t>(bpfmap::possible_cpus(ec)));
  BOOST_TEST(allocations_when_warm([&] { (void)map.find(1); }) == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
