// SPDX-License-Identifier: MIT
// Elements of the hash family, one at a time: values for absence and presence, errors for the rest.
#include "../../bpf/locks.h"
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <array>
#include <atomic>
#include <thread>

namespace ut = boost::unit_test;
using bpfmap::hash;

namespace {

struct flow_key {
  std::uint32_t source;
  std::uint32_t destination;
  friend bool operator==(flow_key const&, flow_key const&) = default;
};
struct flow_stats {
  std::uint64_t packets;
  std::uint32_t bytes;
  std::uint16_t flags;
  friend bool operator==(flow_stats const&, flow_stats const&) = default;
};

template <class Map>
void behaves_like_a_map() {
  auto const map = Map::create({.name = "behaves", .max_entries = 256});
  BOOST_TEST(!map.find(1).has_value());
  BOOST_TEST(!map.contains(1));
  BOOST_CHECK_THROW((void)map.at(1), std::out_of_range);
  BOOST_TEST(!map.assign(1, 5U));
  BOOST_TEST(!map.erase(1));
  BOOST_TEST(map.insert(1, 5U));
  BOOST_TEST(!map.insert(1, 6U));
  BOOST_TEST(map.at(1) == 5U);
  BOOST_TEST(map.assign(1, 7U));
  BOOST_TEST(map.at(1) == 7U);
  map.insert_or_assign(1, 8U);
  map.insert_or_assign(2, 9U);
  BOOST_TEST(map.find(1).value() == 8U);
  BOOST_TEST(map.contains(2));
  BOOST_TEST(map.erase(2));
  BOOST_TEST(!map.contains(2));

  std::error_code ec = bpfmap::make_error(EIO);
  BOOST_TEST(map.find(1, ec).value() == 8U);
  BOOST_TEST(!ec);
  BOOST_TEST(map.at(99, ec) == 0U);
  BOOST_TEST((ec == std::errc::no_such_file_or_directory));
  BOOST_TEST(!map.find(99, ec).has_value());
  BOOST_TEST(!ec);
  BOOST_TEST((!map.contains(99, ec) && !ec));
  BOOST_TEST((!map.assign(99, 1U, ec) && !ec));
  BOOST_TEST((map.insert(99, 1U, ec) && !ec));
  BOOST_TEST((!map.insert(99, 1U, ec) && !ec));
  BOOST_TEST((map.erase(99, ec) && !ec));
  BOOST_TEST((!map.erase(99, ec) && !ec));
  map.insert_or_assign(99, 3U, ec);
  BOOST_TEST((!ec && map.at(99) == 3U));
}

template <std::size_t KeySize, std::size_t ValueSize>
void elements_of_these_sizes_survive() {
  using key_type = std::array<std::uint8_t, KeySize>;
  using value_type = std::array<std::uint8_t, ValueSize>;
  auto const map = hash<key_type, value_type>::create({.max_entries = 64});
  bool good = true;
  for (std::uint8_t i = 0; i < 32; ++i) {
    key_type key;
    value_type value;
    key.fill(i), value.fill(static_cast<std::uint8_t>(255 - i));
    good = good && map.insert(key, value) && map.at(key) == value;
  }
  std::size_t seen = 0;
  for (auto const& [key, value] : map) {
    good = good && value[ValueSize - 1] == 255 - key[0];
    ++seen;
  }
  BOOST_TEST(good, "key " << KeySize << ", value " << ValueSize);
  BOOST_TEST(seen == 32U);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(elements, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(a_hash_behaves_like_a_map) { behaves_like_a_map<hash<std::uint32_t, std::uint64_t>>(); }
BOOST_AUTO_TEST_CASE(an_lru_hash_behaves_like_a_map) {
  behaves_like_a_map<bpfmap::lru_hash<std::uint32_t, std::uint64_t>>();
}
BOOST_AUTO_TEST_CASE(a_percpu_hash_behaves_like_a_map) {
  behaves_like_a_map<bpfmap::percpu_hash<std::uint32_t, std::uint64_t>>();
}
BOOST_AUTO_TEST_CASE(an_lru_percpu_hash_behaves_like_a_map) {
  behaves_like_a_map<bpfmap::lru_percpu_hash<std::uint32_t, std::uint64_t>>();
}

BOOST_AUTO_TEST_CASE(extract_takes_an_element_out, *ut::precondition(test::since{{5, 14}})) {
  auto const check = []<class Map>(Map const& map) {
    map.insert_or_assign(3, 33U);
    BOOST_TEST(map.extract(3).value() == 33U);
    BOOST_TEST(!map.extract(3).has_value());
    std::error_code ec = bpfmap::make_error(EIO);
    BOOST_TEST(!map.extract(3, ec).has_value());
    BOOST_TEST(!ec);
  };
  check(hash<std::uint32_t, std::uint64_t>::create({.max_entries = 8}));
  check(bpfmap::lru_hash<std::uint32_t, std::uint64_t>::create({.max_entries = 64}));
  check(bpfmap::percpu_hash<std::uint32_t, std::uint64_t>::create({.max_entries = 8}));
  check(bpfmap::lru_percpu_hash<std::uint32_t, std::uint64_t>::create({.max_entries = 64}));
}

BOOST_AUTO_TEST_CASE(structs_are_keys_and_values) {
  auto const map = hash<flow_key, flow_stats>::create({.name = "flows", .max_entries = 16});
  flow_stats const stats{1, 2, 3};
  BOOST_TEST(map.insert({1, 2}, stats));
  BOOST_TEST((map.at({1, 2}) == stats));
  BOOST_TEST(!map.contains({2, 1}));
  for (auto const& [key, value] : map) BOOST_TEST((key == flow_key{1, 2} && value == stats));
}

BOOST_AUTO_TEST_CASE(a_full_hash_refuses_new_keys_and_still_takes_old_ones) {
  auto const map = hash<std::uint32_t, std::uint64_t>::create({.name = "full", .max_entries = 3});
  for (std::uint32_t i = 0; i < 3; ++i) BOOST_TEST(map.insert(i, i));
  auto const message = test::message_of([&] { map.insert_or_assign(9, 9); });
  BOOST_TEST(message ==
             "insert_or_assign on 'full' (hash, key 4, value 8): Argument list too long [E2BIG]: the map already holds "
             "its 3 entries");
  BOOST_CHECK_THROW(map.insert(9, 9), bpfmap::error);
  std::error_code ec;
  BOOST_TEST(!map.insert(9, 9, ec));
  BOOST_TEST((ec == std::errc::argument_list_too_long));
  map.insert_or_assign(2, 22);
  BOOST_TEST(map.at(2) == 22U);
  BOOST_TEST(!map.contains(9));
}

BOOST_AUTO_TEST_CASE(a_full_lru_hash_makes_room) {
  auto const map = bpfmap::lru_hash<std::uint32_t, std::uint64_t>::create({.max_entries = 100});
  for (std::uint32_t i = 0; i < 5000; ++i) map.insert_or_assign(i, i);
  BOOST_TEST(map.contains(4999));
  BOOST_TEST(map.size() <= map.max_size());
  BOOST_TEST(map.size() > 0U);
}

BOOST_AUTO_TEST_CASE(keys_and_values_of_many_sizes_survive) {
  elements_of_these_sizes_survive<1, 1>();
  elements_of_these_sizes_survive<3, 5>();
  elements_of_these_sizes_survive<64, 4096>();
  elements_of_these_sizes_survive<512, 12>();
}

// Before, a program was to be able to hold a key on its stack of 512 bytes.
BOOST_AUTO_TEST_CASE(keys_of_more_than_512_bytes_survive, *ut::precondition(test::since{{5, 11}})) {
  elements_of_these_sizes_survive<4096, 262144>();
}

BOOST_AUTO_TEST_CASE(a_read_only_descriptor_reads_and_does_not_write) {
  auto const map = hash<std::uint32_t, std::uint64_t>::create(
      {.name = "rdonly", .max_entries = 4, .flags = bpfmap::map_flags::rdonly});
  BOOST_TEST(!map.find(1).has_value());
  auto const message = test::message_of([&] { map.insert_or_assign(1, 1); });
  BOOST_TEST(test::has(message, "EPERM"), message);
  BOOST_TEST(test::has(message, "read-only"), message);
  BOOST_CHECK_THROW(map.erase(1), bpfmap::error);
}

BOOST_AUTO_TEST_CASE(a_write_only_descriptor_writes_and_does_not_read) {
  auto const map = hash<std::uint32_t, std::uint64_t>::create(
      {.name = "wronly", .max_entries = 4, .flags = bpfmap::map_flags::wronly});
  map.insert_or_assign(1, 1);
  BOOST_TEST(test::has(test::message_of([&] { (void)map.find(1); }), "write-only"));
  // A walk that may not be made is an error, not an empty map.
  BOOST_CHECK_THROW(for ([[maybe_unused]] auto const& entry : map){}, bpfmap::error);
  std::error_code ec;
  for ([[maybe_unused]] auto const key : map.keys(ec)) BOOST_ERROR("nothing can be read");
  BOOST_TEST((ec == std::errc::operation_not_permitted));
  BOOST_TEST(map.for_each([](auto, auto) {}, ec) == 0U);
  BOOST_TEST((ec == std::errc::operation_not_permitted));
}

BOOST_AUTO_TEST_CASE(a_locked_read_never_sees_half_of_a_write, *ut::precondition(test::since{{5, 10}})) {
  auto object = test::loaded("locks");
  auto const pairs = object.map<hash<std::uint32_t, locked_pair>>("pairs");
  pairs.insert_or_assign(1, locked_pair{});
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::uint64_t n = 1; !stop; ++n) pairs.assign(1, locked_pair{{}, 0, n, {}, n}, bpfmap::locked);
  });
  std::uint64_t torn = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto const pair = pairs.at(1, bpfmap::locked);
    torn += pair.first != pair.second ? 1U : 0U;
    BOOST_REQUIRE(pair.lock.val == 0U);  // the lock itself never leaves the kernel
  }
  stop = true;
  writer.join();
  BOOST_TEST(torn == 0U);
  std::array<std::byte, 64> packet{};
  auto const before = pairs.at(1, bpfmap::locked);
  object.program("write_pair").run({.data_in = packet});
  auto const after = pairs.at(1, bpfmap::locked);
  BOOST_TEST(after.first == before.first + 1);
  BOOST_TEST(after.second == after.first);
}

BOOST_AUTO_TEST_CASE(eight_threads_share_one_map_object) {
  auto const map = hash<std::uint32_t, std::uint64_t>::create({.max_entries = 8000});
  auto const sums = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>::create({.max_entries = 8000});
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (std::uint32_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint32_t i = 0; i < 500; ++i) {
        std::uint32_t const key = t * 500 + i;
        map.insert_or_assign(key, key);
        sums.insert_or_assign(key, key);
        if (map.at(key) != key || sums.at(key) != key || map.size() == 0) ++failures;
        if (i % 2 == 0 && !map.erase(key)) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(failures == 0);
  BOOST_TEST(map.size() == 2000U);
  BOOST_TEST(sums.size() == 4000U);
}

BOOST_AUTO_TEST_SUITE_END()
