// SPDX-License-Identifier: MIT
// Walking over maps: every element once, whatever others do meanwhile.
#include "../support/deny.hpp"
#include "../support/kernel.hpp"

#include <algorithm>
#include <atomic>
#include <ranges>
#include <set>
#include <thread>
#include <vector>

namespace ut = boost::unit_test;
using bpfmap::hash;

namespace {

constexpr std::uint32_t staying = 10'000;
constexpr std::uint32_t passing = 10'000;

// Runs `f(round)` again and again in a thread of its own until it is destroyed.
template <class F>
class background {
 public:
  explicit background(F f)
      : thread_([this, f] {
          for (std::uint32_t n = 0; !stop_; ++n) f(n);
        }) {}
  background(background const&) = delete;
  background& operator=(background const&) = delete;
  ~background() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

template <class Map>
std::set<std::uint32_t> keys_of(Map const& map) {
  std::set<std::uint32_t> keys;
  for (std::uint32_t const key : map.keys()) BOOST_TEST(keys.insert(key).second, "key " << key << " twice");
  return keys;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(walks, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(see_every_staying_key_exactly_once_while_two_writers_change_the_others) {
  // Twice the room, so that the writers never meet a full map.
  auto const map = hash<std::uint32_t, std::uint64_t>::create({.max_entries = 4 * (staying + passing)});
  for (std::uint32_t i = 0; i < staying + passing; ++i) map.insert_or_assign(i, 0);
  std::atomic<std::uint64_t> writes{0};
  // One takes keys out and puts them back, the other overwrites: both move elements within their buckets.
  background const inserter([&](std::uint32_t n) {
    std::uint32_t const key = staying + n % passing;
    std::error_code ec;
    map.erase(key, ec);
    map.insert(key, n, ec);
    ++writes;
  });
  background const overwriter([&](std::uint32_t n) {
    std::error_code ec;
    map.insert_or_assign(n % (staying + passing), n, ec);
    map.insert_or_assign(staying + passing + n % passing, n, ec);
    map.erase(staying + passing + (n + 5000) % passing, ec);
    ++writes;
  });
  unsigned bad_passes = 0;
  for (int pass = 0; pass < 200; ++pass) {
    std::vector<std::uint8_t> seen(staying, 0);
    for (auto const& [key, value] : map) {
      if (key < staying && seen[key] < 255) ++seen[key];
    }
    bad_passes += std::ranges::all_of(seen, [](std::uint8_t times) { return times == 1; }) ? 0U : 1U;
  }
  BOOST_TEST(bad_passes == 0U);
  BOOST_TEST(writes > 1000U, "the writers hardly ran");
  BOOST_TEST_MESSAGE("200 passes beside " << writes << " rounds of writing");
}

BOOST_AUTO_TEST_CASE(agree_by_entries_keys_values_callback_and_both_methods) {
  auto const map = hash<std::uint32_t, std::uint64_t>::create({.max_entries = 20'000});
  std::uint64_t expected = 0;
  for (std::uint32_t i = 0; i < 12'345; ++i) {
    map.insert_or_assign(i, i * 3ULL);
    expected += i * 3ULL;
  }
  auto const check = [&] {
    std::uint64_t by_entries = 0;
    for (auto const& [key, value] : map.entries()) by_entries += value == key * 3ULL ? value : 0;
    BOOST_TEST(by_entries == expected);
    std::uint64_t by_values = 0;
    for (std::uint64_t const value : map.values()) by_values += value;
    BOOST_TEST(by_values == expected);
    std::uint64_t by_callback = 0;
    BOOST_TEST(map.for_each([&](std::uint32_t, std::uint64_t value) { by_callback += value; }) == 12'345U);
    BOOST_TEST(by_callback == expected);
    BOOST_TEST(keys_of(map).size() == 12'345U);
  };
  check();
  test::deny_batch const deny;
  auto const batches = test::calls::lookup_batch();
  auto const next_keys = test::calls::next_key();
  check();
  BOOST_TEST(test::calls::lookup_batch() == batches + 4);  // asked once a walk, and refused
  BOOST_TEST(test::calls::next_key() == next_keys + 4 * 12'346U);
}

BOOST_AUTO_TEST_CASE(by_batch_take_few_system_calls) {
  auto const map = hash<std::uint32_t, std::uint64_t>::create({.max_entries = 16'384});
  for (std::uint32_t i = 0; i < 10'000; ++i) map.insert_or_assign(i, i);
  auto const batches = test::calls::lookup_batch();
  auto const next_keys = test::calls::next_key();
  BOOST_TEST(keys_of(map).size() == 10'000U);
  BOOST_TEST(test::calls::lookup_batch() - batches <= 4U);
  BOOST_TEST(test::calls::next_key() == next_keys);
}

BOOST_AUTO_TEST_CASE(of_an_empty_map_and_of_one_element_end) {
  auto const map = hash<std::uint32_t, std::uint64_t>::create({.max_entries = 10});
  BOOST_TEST(keys_of(map).empty());
  map.insert_or_assign(5, 5);
  BOOST_TEST((keys_of(map) == std::set<std::uint32_t>{5}));
}

BOOST_AUTO_TEST_CASE(of_one_byte_keys_see_all_256) {
  auto const map = hash<std::uint8_t, std::uint8_t>::create({.max_entries = 256});
  for (unsigned i = 0; i < 256; ++i) map.insert_or_assign(static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(~i));
  std::set<unsigned> seen;
  for (auto const& [key, value] : map) {
    BOOST_TEST(static_cast<std::uint8_t>(~key) == value);
    seen.insert(key);
  }
  BOOST_TEST(seen.size() == 256U);
  test::deny_batch const deny;
  BOOST_TEST(std::ranges::distance(map.keys()) == 256);
}

BOOST_AUTO_TEST_CASE(of_full_maps_of_every_size_are_complete) {
  for (std::uint32_t entries = 1; entries <= 130; ++entries) {
    auto const map = hash<std::uint32_t, std::uint64_t>::create({.max_entries = entries});
    for (std::uint32_t i = 0; i < entries; ++i) map.insert_or_assign(i * 7919, i);
    std::set<std::uint32_t> seen;
    for (std::uint32_t const key : map.keys()) seen.insert(key);
    BOOST_TEST(seen.size() == entries);
  }
}

BOOST_AUTO_TEST_CASE(of_large_values_take_more_than_one_block) {
  using page = std::array<std::uint8_t, 65536>;
  auto const map = hash<std::uint32_t, page>::create({.max_entries = 100, .flags = bpfmap::map_flags::no_prealloc});
  for (std::uint32_t i = 0; i < 100; ++i) {
    page value;
    value.fill(static_cast<std::uint8_t>(i));
    map.insert_or_assign(i, value);
  }
  std::size_t seen = 0;
  for (auto const& [key, value] : map) {
    BOOST_TEST((value[0] == key && value[65535] == key));
    ++seen;
  }
  BOOST_TEST(seen == 100U);
}

BOOST_AUTO_TEST_CASE(may_erase_what_they_see) {
  auto const map = hash<std::uint32_t, std::uint64_t>::create({.max_entries = 10'000});
  for (std::uint32_t i = 0; i < 10'000; ++i) map.insert_or_assign(i, i);
  std::size_t erased = 0;
  for (std::uint32_t const key : map.keys()) erased += map.erase(key) ? 1U : 0U;
  BOOST_TEST(erased == 10'000U);
  BOOST_TEST(map.empty());
}

BOOST_AUTO_TEST_CASE(stop_when_the_callback_says_so) {
  auto const map = hash<std::uint32_t, std::uint64_t>::create({.max_entries = 100});
  for (std::uint32_t i = 0; i < 100; ++i) map.insert_or_assign(i, i);
  std::size_t calls = 0;
  BOOST_TEST(map.for_each([&](auto, auto) { return ++calls < 7; }) == 7U);
  BOOST_TEST(calls == 7U);
}

BOOST_AUTO_TEST_CASE(are_ranges_and_take_views) {
  auto const map = hash<std::uint32_t, std::uint64_t>::create({.max_entries = 100});
  for (std::uint32_t i = 0; i < 100; ++i) map.insert_or_assign(i, i);
  std::uint64_t sum = 0;
  for (std::uint64_t const value : map.values() | std::views::filter([](std::uint64_t v) { return v % 2 == 0; })) {
    sum += value;
  }
  BOOST_TEST(sum == 2450U);
  BOOST_TEST(std::ranges::count_if(map.entries(), [](auto const& entry) { return entry.first == entry.second; }) ==
             100);
}

BOOST_AUTO_TEST_CASE(of_percpu_arrays_and_lru_maps_are_complete) {
  auto const array = bpfmap::percpu_array<std::uint32_t>::create({.max_entries = 5000});
  for (std::uint32_t i = 0; i < 5000; ++i) array.insert_or_assign(i, i);
  std::uint32_t next = 0;
  for (auto const& [index, value] : array) BOOST_TEST((index == next++ && value == index));
  BOOST_TEST(next == 5000U);
  auto const lru = bpfmap::lru_percpu_hash<std::uint32_t, std::uint32_t>::create({.max_entries = 4000});
  for (std::uint32_t i = 0; i < 2000; ++i) lru.insert_or_assign(i, i);
  BOOST_TEST(keys_of(lru).size() == lru.size());
}

BOOST_AUTO_TEST_SUITE_END()
