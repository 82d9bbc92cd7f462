// SPDX-License-Identifier: MIT
// Walks by BPF_MAP_LOOKUP_BATCH: everything is seen once, whatever the blocks, and an end is told from an error.
#include "ring.hpp"

#include <array>
#include <map>
#include <ranges>
#include <vector>

namespace {

using fake::call;
using test::filled;
using test::flows;
using test::has;
using test::table;

constexpr std::uint32_t block = 4096;  // of elements as small as these

template <class Map>
std::map<std::uint32_t, unsigned> seen_in(Map const& map) {
  std::map<std::uint32_t, unsigned> seen;
  for (auto const& [key, value] : map) {
    ++seen[key];
    BOOST_REQUIRE(value == typename Map::mapped_type{key} + 1);
  }
  return seen;
}

// All of 0 … count - 1, once each, in every way to walk.
template <class Map>
void sees_each_once(Map const& map, std::uint32_t count) {
  auto const once = [&](std::map<std::uint32_t, unsigned> const& seen) {
    BOOST_TEST(seen.size() == count);
    for (auto const& [key, times] : seen) BOOST_REQUIRE((key < count && times == 1));
  };
  once(seen_in(map));
  std::map<std::uint32_t, unsigned> seen;
  for (std::uint32_t const key : map.keys()) ++seen[key];
  once(seen);
  seen.clear();
  for (auto const value : map.values()) ++seen[static_cast<std::uint32_t>(value) - 1];
  once(seen);
  seen.clear();
  BOOST_TEST(map.for_each([&](std::uint32_t key, auto const&) { ++seen[key]; }) == count);
  once(seen);
  std::error_code ec = bpfmap::make_error(ENOTTY);
  seen.clear();
  for (auto const& entry : map.entries(ec)) ++seen[entry.first];
  once(seen);
  BOOST_TEST(!ec);
}

// The two ways in which a walk can fail: with an error code it ends early, without it throws.
template <class Map>
void fails_with(Map const& map, int number, std::uint32_t seen_before, auto&& again) {
  again();
  std::error_code ec;
  std::uint32_t seen = 0;
  for ([[maybe_unused]] auto const& each : map.entries(ec)) ++seen;
  BOOST_TEST(ec.value() == number);
  BOOST_TEST(seen == seen_before);
  again();
  seen = 0;
  BOOST_TEST(map.for_each([&](auto const&, auto const&) { ++seen; }, ec) == seen_before);
  BOOST_TEST(ec.value() == number);
  BOOST_TEST(seen == seen_before);
  again();
  auto const error = test::error_of([&] {
    for ([[maybe_unused]] auto const& each : map) {
    }
  });
  BOOST_TEST(error.code.value() == number);
  BOOST_TEST(error.map_name == "flows");
  again();
  BOOST_TEST(test::error_of([&] { map.for_each([](auto&&...) {}); }).code.value() == number);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(walks, test::ring)

BOOST_AUTO_TEST_CASE(of_an_empty_map_see_nothing_with_one_system_call) {
  auto const map = filled<flows>(0);
  sees_each_once(map, 0);
  auto const before = fake::calls(call::lookup_batch);
  BOOST_TEST((map.begin() == map.end()));
  BOOST_TEST(fake::calls(call::lookup_batch) - before == 1U);
}

BOOST_AUTO_TEST_CASE(of_one_element_see_it) { sees_each_once(filled<flows>(1), 1); }

BOOST_AUTO_TEST_CASE(of_exactly_one_block_and_of_one_more_see_all) {
  for (std::uint32_t const count : {block - 1, block, block + 1, 2 * block, 2 * block + 1}) {
    BOOST_TEST_CONTEXT(count << " elements") {
      sees_each_once(filled<flows>(count, {.max_entries = 4 * block}), count);
    }
  }
}

BOOST_AUTO_TEST_CASE(of_a_full_map_whose_block_is_the_whole_map_take_one_system_call) {
  auto const map = filled<flows>(16);
  auto const before = fake::calls(call::lookup_batch);
  BOOST_TEST(seen_in(map).size() == 16U);
  BOOST_TEST(fake::calls(call::lookup_batch) - before == 1U);
}

BOOST_AUTO_TEST_CASE(of_an_array_end_with_an_answer_that_carries_no_data) {
  sees_each_once(
      [] {
        auto map = test::map_with<table>({.max_entries = 64});
        for (std::uint32_t i = 0; i < 64; ++i) map.insert_or_assign(i, i + 1);
        return map;
      }(),
      64);
}

BOOST_AUTO_TEST_CASE(grow_their_block_at_the_same_cursor_until_the_bucket_fits) {
  for (std::uint32_t const buckets : {1U, 2U, 3U, 7U}) {
    BOOST_TEST_CONTEXT(buckets << " buckets") {
      auto const map = filled<flows>(20000, {.max_entries = 20000});
      fake::set_buckets(map.fd(), buckets);
      sees_each_once(map, 20000);
    }
  }
}

BOOST_AUTO_TEST_CASE(grow_in_the_middle_too) {
  // Keys 0 … 999 one to a bucket, all others in bucket 1000.
  auto const map = test::map_with<flows>({.max_entries = 16384});
  fake::set_buckets(map.fd(), 1024);
  for (std::uint32_t i = 0; i < 1000; ++i) map.insert_or_assign(i, i + 1);
  for (std::uint32_t i = 0; i < 10000; ++i) map.insert_or_assign(1000 + 1024 * i, 1000 + 1024 * i + 1);
  auto const before = fake::calls(call::lookup_batch);
  auto const seen = seen_in(map);
  BOOST_TEST(seen.size() == 11000U);
  for (auto const& [key, times] : seen) BOOST_REQUIRE(times == 1);
  BOOST_TEST(fake::calls(call::lookup_batch) - before == 4U);  // 1000; two that do not fit; the rest
}

BOOST_AUTO_TEST_CASE(of_a_bucket_larger_than_the_memory_report_enomem) {
  auto const map = filled<flows>(50000, {.max_entries = 50000});
  fake::set_buckets(map.fd(), 1);
  heap::limit const little(300000);
  fails_with(map, ENOMEM, 0, [] {});
  std::error_code ec;
  BOOST_TEST(map.size(ec) == 0U);
  BOOST_TEST(ec.value() == ENOMEM);
}

BOOST_AUTO_TEST_CASE(of_a_kernel_that_always_wants_more_room_end_when_there_is_none) {
  auto const map = filled<flows>(3);
  fake::fail(call::lookup_batch, ENOSPC, fake::forever);
  heap::limit const little(1 << 24);
  fails_with(map, ENOMEM, 0, [] {});
  BOOST_TEST(fake::calls(call::lookup_batch) < 200U);
}

BOOST_AUTO_TEST_CASE(without_memory_for_the_first_block_report_enomem) {
  auto const map = filled<flows>(3, {.max_entries = block});
  {
    heap::limit const little(4000);
    fails_with(map, ENOMEM, 0, [] {});
  }
  std::error_code ec;
  heap::limit const none(8);
  BOOST_TEST((map.entries(ec).begin() == std::default_sentinel));
  BOOST_TEST(ec.value() == ENOMEM);
}

BOOST_AUTO_TEST_CASE(take_elements_of_an_interrupted_batch_and_go_on_behind_them) {
  auto const map = test::map_with<table>({.max_entries = 64});
  for (std::uint32_t i = 0; i < 64; ++i) map.insert_or_assign(i, i + 1);
  using script = std::vector<fake::batch_answer>;
  for (script const& answers :
       {script{{EINTR, 5}}, script{{EINTR, 0}}, script{{EINTR, 0}, {EINTR, 0}, {0, 7}, {EINTR, 0}},
        script{{0, 10}, {EINTR, 0}, {EINTR, 3}, {0, 1}, {EINTR, 63}}}) {
    for (int way = 0; way < 2; ++way) {
      fake::batches(answers);
      auto const seen = seen_in(map);
      BOOST_TEST(seen.size() == 64U);
      for (auto const& [key, times] : seen) BOOST_REQUIRE(times == 1);
    }
  }
}

BOOST_AUTO_TEST_CASE(end_where_enoent_says_so_with_data_and_without) {
  auto const map = test::map_with<table>({.max_entries = 64});
  for (std::uint32_t i = 0; i < 64; ++i) map.insert_or_assign(i, i + 1);
  fake::batches({{ENOENT, 9}});
  BOOST_TEST(seen_in(map).size() == 9U);
  fake::batches({{0, 9}, {ENOENT, 0}});
  BOOST_TEST(seen_in(map).size() == 9U);
  fake::batches({{ENOENT, 0}});
  BOOST_TEST(seen_in(map).empty());
  // Nothing is asked for after the end.
  auto const before = fake::calls(call::lookup_batch);
  fake::batches({{ENOENT, 9}});
  BOOST_TEST(map.for_each([](auto&&...) {}) == 9U);
  BOOST_TEST(fake::calls(call::lookup_batch) - before == 1U);
}

BOOST_AUTO_TEST_CASE(that_make_no_progress_end_in_eio) {
  for (int const error : {0, EINTR}) {
    auto const map = test::map_with<table>({.max_entries = 64});
    auto const stall = [&] { fake::batches(std::vector<fake::batch_answer>(1000, {error, 0})); };
    auto const before = fake::calls(call::lookup_batch);
    fails_with(map, EIO, 0, stall);
    BOOST_TEST(fake::calls(call::lookup_batch) - before < 1000U);
    fake::batches({});
  }
  auto const hash = filled<flows>(10);
  fails_with(hash, EIO, 0, [] { fake::batches(std::vector<fake::batch_answer>(1000, {0, 0})); });
}

BOOST_AUTO_TEST_CASE(go_on_after_a_short_stall) {
  auto const map = filled<flows>(10);
  fake::batches({{0, 0}, {0, 0}, {0, 0}});
  auto const seen = seen_in(map);
  BOOST_TEST(seen.size() == 10U);
}

BOOST_AUTO_TEST_CASE(that_fail_in_the_middle_are_errors_and_no_ends) {
  auto const map = filled<flows>(10000, {.max_entries = 10000});
  for (int const number : {EFAULT, EPERM, EACCES, EBADF, ENOMEM, EINVAL, 524, EOPNOTSUPP, ENOSYS, EBUSY, EDEADLK}) {
    BOOST_TEST_CONTEXT("errno " << number) {
      fails_with(map, number, block, [&] { fake::fail(call::lookup_batch, number, 1, 1); });
    }
  }
}

BOOST_AUTO_TEST_CASE(that_fail_at_once_are_errors_and_no_empty_maps) {
  auto const map = filled<flows>(10);
  for (int const number : {EFAULT, EPERM, EACCES, EBADF, ENOMEM, EBUSY}) {
    BOOST_TEST_CONTEXT("errno " << number) {
      fails_with(map, number, 0, [&] { fake::fail(call::lookup_batch, number); });
    }
  }
}

BOOST_AUTO_TEST_CASE(fall_back_to_keys_where_the_first_batch_is_not_supported) {
  auto const map = filled<flows>(50, {.max_entries = 64});
  auto const slots = filled<test::hits>(50, {.max_entries = 64});
  for (int const number : {524, EOPNOTSUPP, EINVAL, ENOSYS}) {
    BOOST_TEST_CONTEXT("errno " << number) {
      fake::fail(call::lookup_batch, number, fake::forever);
      auto const keys = fake::calls(call::next_key);
      sees_each_once(map, 50);
      sees_each_once(slots, 50);
      BOOST_TEST(fake::calls(call::next_key) > keys);
    }
  }
}

BOOST_AUTO_TEST_CASE(of_one_byte_keys_give_the_cursor_four_bytes) {
  auto const map =
      test::map_with<bpfmap::hash<std::uint8_t, std::uint8_t>>({.key_size = 1, .value_size = 1, .max_entries = 256});
  for (unsigned i = 0; i < 256; ++i) map.insert_or_assign(static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i));
  unsigned seen = 0;
  for (auto const& [key, value] : map) {
    BOOST_TEST(key == value);
    ++seen;
  }
  BOOST_TEST(seen == 256U);
  fake::set_buckets(map.fd(), 1);
  BOOST_TEST(map.for_each([](auto&&...) {}) == 256U);
}

BOOST_AUTO_TEST_CASE(of_long_keys_and_values_take_one_by_one) {
  struct page {
    std::array<std::uint8_t, 700000> bytes;
  };
  using key = std::array<std::uint8_t, 513>;
  auto const map = test::map_with<bpfmap::hash<key, page>>({.key_size = 513, .value_size = 700000, .max_entries = 4});
  auto const value = std::make_unique<page>();
  for (std::uint8_t i = 0; i < 4; ++i) {
    value->bytes.fill(i);
    map.insert_or_assign(key{i}, *value);
  }
  unsigned seen = 0;
  map.for_each([&](key const& k, page const& v) {
    BOOST_TEST((v.bytes.front() == k[0] && v.bytes.back() == k[0]));
    ++seen;
  });
  BOOST_TEST(seen == 4U);
}

BOOST_AUTO_TEST_CASE(allow_erasing_and_adding_meanwhile) {
  auto const map = filled<flows>(10000, {.max_entries = 10000});
  for (auto const& [key, value] : map) BOOST_REQUIRE(map.erase(key));
  BOOST_TEST(fake::elements_of(map.fd()) == 0U);
  map.insert_or_assign(1, 1);
  std::uint32_t added = 0;
  for (auto const& each : map) {
    if (++added > 100) break;
    map.insert_or_assign(each.first + 1, 1);
  }
  BOOST_TEST(added <= 2U);
}

BOOST_AUTO_TEST_CASE(begin_anew_with_each_begin) {
  auto const map = filled<flows>(5);
  auto const range = map.keys();
  BOOST_TEST(std::ranges::distance(range) == 5);
  map.erase(3);
  BOOST_TEST(std::ranges::distance(range) == 4);
}

BOOST_AUTO_TEST_SUITE_END()
