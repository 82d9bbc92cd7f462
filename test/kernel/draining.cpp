// SPDX-License-Identifier: MIT
// Taking all elements out: nothing is lost, given twice or walked over again and again.
#include "../support/deny.hpp"
#include "../support/kernel.hpp"
#include "bulk_numbers.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace ut = boost::unit_test;
using test::filled;
using test::numbers;
using test::table;

BOOST_AUTO_TEST_SUITE(draining, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(gives_every_element_and_leaves_none) {
  auto const map = filled(10'000, 20'000);
  std::vector<std::pair<std::uint32_t, std::uint64_t>> taken{{99, 99}};
  BOOST_TEST(map.extract_all(taken) == 10'000U);
  BOOST_TEST(map.empty());
  BOOST_TEST(taken.size() == 10'001U);
  BOOST_TEST(taken.front().first == 99U, "what was there stays in front");
  std::sort(taken.begin() + 1, taken.end());
  for (std::uint32_t i = 0; i < 10'000; ++i) BOOST_TEST_REQUIRE(taken[i + 1].second == i);
  BOOST_TEST(map.extract_all(taken) == 0U);
}

BOOST_AUTO_TEST_CASE(by_keys_where_batches_are_refused, *ut::precondition(test::since{{5, 14}})) {
  auto const map = filled(3000);
  test::deny_batch const denied;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> taken;
  auto const steps = test::calls::next_key();
  BOOST_TEST(map.extract_all(taken) == 3000U);
  BOOST_TEST(taken.size() == 3000U);
  BOOST_TEST(map.empty());
  BOOST_TEST(test::calls::next_key() - steps <= 3002U, "one step an element, not all buckets from the start for each");
}

BOOST_AUTO_TEST_CASE(clears_tries_key_by_key) {
  using routes = bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv4>, std::uint64_t>;
  auto const map = routes::create({.name = "routes", .max_entries = 1000});
  for (std::uint32_t i = 0; i < 500; ++i) {
    map.insert({bpfmap::ipv4(10, static_cast<std::uint8_t>(i / 250), static_cast<std::uint8_t>(i % 250), 0), 24}, i);
  }
  BOOST_TEST(map.clear() == 500U);
  BOOST_TEST(map.empty());
}

BOOST_AUTO_TEST_CASE(clears_per_cpu_hashes) {
  auto const map = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>::create({.name = "bulk", .max_entries = 3000});
  numbers const all(3000);
  map.insert_or_assign(all.keys, all.values);
  std::vector<std::pair<std::uint32_t, std::uint64_t>> taken;
  BOOST_TEST(map.extract_all(taken) == 3000U);
  BOOST_TEST(std::all_of(taken.begin(), taken.end(), [](auto const& each) { return each.first == each.second; }));
  map.insert_or_assign(all.keys, all.values);
  BOOST_TEST(map.clear() == 3000U);
  BOOST_TEST(map.empty());
}

// Keys that fall into few buckets: blocks must grow while elements are taken out.
BOOST_AUTO_TEST_CASE(loses_nothing_when_a_bucket_is_larger_than_a_block) {
  using wide = bpfmap::hash<std::uint32_t, std::array<std::uint8_t, 60'000>>;
  auto const map = wide::create({.name = "wide", .max_entries = 64, .flags = bpfmap::map_flags::no_prealloc});
  std::array<std::uint8_t, 60'000> value{};
  for (std::uint32_t i = 0; i < 64; ++i) {
    value[59'999] = static_cast<std::uint8_t>(i);
    map.insert(i, value);
  }
  std::vector<wide::value_type> taken;
  BOOST_TEST(map.extract_all(taken) == 64U);
  std::vector<bool> seen(64);
  for (auto const& [key, bytes] : taken) {
    seen[key] = true;
    BOOST_TEST_REQUIRE(bytes[59'999] == key);
  }
  BOOST_TEST(std::count(seen.begin(), seen.end(), true) == 64);
}

// Every key is written once, by one of two threads, and counted where it comes out.
BOOST_AUTO_TEST_CASE(beside_two_writers_gives_each_element_once_or_leaves_it, *ut::precondition(test::two_cpus)) {
  auto const map = table::create({.name = "bulk", .max_entries = 5000});
  constexpr std::uint32_t block = 64;
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> written{0};
  std::atomic<int> errors{0};
  auto const write = [&](std::uint32_t which) {
    for (std::uint32_t i = 0; !stop; ++i) {
      // The highest bit says whose key it is; bulk calls and single ones take turns.
      numbers const mine(block, (which << 31) + i * block);
      std::error_code ec;
      std::uint64_t done = 0;
      if (i % 2 == 0) {
        done = map.insert(mine.keys, mine.values, ec).matched;
      } else {
        while (done < block && map.insert(mine.keys[done], mine.values[done], ec)) ++done;
      }
      // Writers may be faster than drains: then the map is full, and what did not go in is not counted.
      if (ec.value() != (done == block ? 0 : E2BIG)) ++errors;
      written += done;
    }
  };
  std::thread first(write, 0);
  std::thread second(write, 1);
  std::vector<table::value_type> taken;
  for (int drains = 0; drains < 1000;) drains += map.extract_all(taken) != 0 ? 1 : 0;
  stop = true;
  first.join();
  second.join();
  std::size_t const drained = taken.size();
  for (auto const& each : map) taken.push_back(each);
  BOOST_TEST_MESSAGE(written << " written, " << drained << " of them taken out in 1000 drains");
  BOOST_TEST(errors == 0);
  BOOST_TEST(taken.size() == written);
  std::sort(taken.begin(), taken.end());
  bool const once = std::adjacent_find(taken.begin(), taken.end(),
                                       [](auto const& a, auto const& b) { return a.first == b.first; }) == taken.end();
  BOOST_TEST(once, "an element was given twice");
  BOOST_TEST(std::all_of(taken.begin(), taken.end(), [](auto const& each) { return each.first == each.second; }));
  BOOST_TEST(drained > 0U);
}

// A trie's batches go by keys: where the last key of each block is gone, they begin again.
BOOST_AUTO_TEST_CASE(and_walks_over_a_trie_that_others_change_end) {
  using routes = bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv4>, std::uint64_t>;
  auto const map = routes::create({.name = "routes", .max_entries = 10'000});
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    map.insert({bpfmap::ipv4(10, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 0), 24}, i);
  }
  std::optional<routes::key_type> absent;
  std::uint64_t steps = 0;
  std::error_code ec;
  map.for_each(
      [&](routes::key_type const& key, std::uint64_t) {
        if (absent) map.insert_or_assign(*absent, 0);
        map.erase(key);
        absent = key;
        return ++steps < 1'000'000;
      },
      ec);
  BOOST_TEST(steps < 1'000'000U);
  BOOST_TEST((ec.value() == ELOOP || !ec), ec.message());
}

BOOST_AUTO_TEST_SUITE_END()
