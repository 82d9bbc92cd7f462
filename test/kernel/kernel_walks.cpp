// SPDX-License-Identifier: MIT
// Walks that a program makes inside the kernel: the same elements as by batch, and by batch where there is no program.
#include "../support/deny.hpp"
#include "../support/kernel.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <thread>
#include <utility>
#include <vector>

namespace ut = boost::unit_test;
using bpfmap::bulk_path;
using bpfmap::walk;

namespace {

using numbers = bpfmap::hash<std::uint32_t, std::uint64_t>;

// Bytes that a number tells.
template <class Bytes>
Bytes bytes_of(std::uint32_t number) {
  Bytes made{};
  auto* const at = reinterpret_cast<unsigned char*>(&made);
  for (std::size_t i = 0; i < sizeof made; ++i) {
    at[i] = static_cast<unsigned char>(i < 4 ? number >> 8 * i : number * 31 + i);
  }
  return made;
}

template <class Map>
Map filled(std::uint32_t count, bpfmap::create_options const& options) {
  Map map = Map::create(options);
  std::vector<typename Map::key_type> keys(count);
  std::vector<typename Map::mapped_type> values(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    keys[i] = bytes_of<typename Map::key_type>(i);
    values[i] = bytes_of<typename Map::mapped_type>(i * 7 + 1);
  }
  map.insert_or_assign(keys, values);
  return map;
}
numbers filled(std::uint32_t count, std::uint32_t room) { return filled<numbers>(count, {.max_entries = room}); }

template <class Map>
std::vector<typename Map::value_type> sorted(Map const& map, walk how) {
  std::vector<typename Map::value_type> all;
  for (auto const& entry : map.entries(how)) all.push_back(entry);
  std::ranges::sort(all);
  return all;
}

// That all the ways to walk give what a batch gives, by this way.
template <class Map>
void same_as_by_batch(Map const& map, bulk_path way) {
  auto const expected = sorted(map, walk::batch);
  BOOST_TEST((sorted(map, walk::in_kernel) == expected));
  BOOST_TEST(map.walked_by() == way);
  std::vector<typename Map::key_type> keys;
  for (auto const& key : map.keys(walk::in_kernel)) keys.push_back(key);
  std::ranges::sort(keys);
  BOOST_TEST(map.walked_by() == way);
  BOOST_TEST(std::ranges::equal(keys, expected, {}, {}, [](auto const& entry) { return entry.first; }));
  std::vector<typename Map::mapped_type> values;
  for (auto const& value : map.values(walk::in_kernel)) values.push_back(value);
  std::vector<typename Map::mapped_type> expected_values;
  for (auto const& [key, value] : expected) expected_values.push_back(value);
  std::ranges::sort(values);
  std::ranges::sort(expected_values);
  BOOST_TEST((values == expected_values));
  std::vector<typename Map::value_type> all;
  BOOST_TEST(map.for_each([&](auto const& key, auto const& value) { all.emplace_back(key, value); }, walk::in_kernel) ==
             expected.size());
  std::ranges::sort(all);
  BOOST_TEST((all == expected));
  BOOST_TEST(map.walked_by() == way);
}

template <class Key, class Value>
void same_for_sizes() {
  BOOST_TEST_CONTEXT("keys of " << sizeof(Key) << " bytes, values of " << sizeof(Value)) {
    auto map = filled<bpfmap::hash<Key, Value>>(200, {.max_entries = 256});
    map.set_bulk_path(bulk_path::in_kernel);
    same_as_by_batch(map, bulk_path::in_kernel);
  }
}

template <std::size_t N>
using bytes = std::array<unsigned char, N>;

bpfmap::detail::walk_shape shape_of(numbers const& map) {
  return {.fd = map.fd(),
          .type = bpfmap::map_type::hash,
          .key_size = 4,
          .element_bytes = 8,
          .max_entries = static_cast<std::uint32_t>(map.max_size())};
}

// The errno of a walk that is to be made in the kernel and nowhere else.
template <class Map>
int refusal(Map& map) {
  map.set_bulk_path(bulk_path::in_kernel);
  std::error_code ec;
  std::size_t seen = 0;
  for ([[maybe_unused]] auto const& each : map.entries(walk::in_kernel, ec)) ++seen;
  BOOST_TEST(seen == 0U);
  BOOST_TEST(map.for_each([](auto const&, auto const&) {}, walk::in_kernel, ec) == 0U);
  map.set_bulk_path(bulk_path::automatic);
  return ec.value();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kernel_walks, *ut::precondition(test::since{{5, 14}}))

BOOST_AUTO_TEST_CASE(give_what_batches_give) {
  test::no_leak const watch;
  for (std::uint32_t const count : {0U, 1U, 2U, 255U, 256U, 257U, 1000U, 100'000U}) {
    BOOST_TEST_CONTEXT(count << " elements") {
      auto map = filled(count, std::max(count, 1U));
      map.set_bulk_path(bulk_path::in_kernel);
      same_as_by_batch(map, bulk_path::in_kernel);
    }
  }
}

BOOST_AUTO_TEST_CASE(copy_keys_and_values_of_any_size) {
  same_for_sizes<bytes<1>, bytes<1>>();
  same_for_sizes<bytes<3>, bytes<7>>();
  same_for_sizes<bytes<5>, bytes<300>>();
  same_for_sizes<bytes<13>, bytes<12>>();
  same_for_sizes<bytes<64>, bytes<4096>>();
}

BOOST_AUTO_TEST_CASE(work_on_arrays_lru_maps_and_maps_without_preallocation) {
  auto array = filled<bpfmap::array<std::uint64_t>>(10'000, {.max_entries = 10'000});
  same_as_by_batch(array, bulk_path::in_kernel);
  auto odd = filled<bpfmap::array<bytes<13>>>(1000, {.max_entries = 1000});
  odd.set_bulk_path(bulk_path::in_kernel);
  same_as_by_batch(odd, bulk_path::in_kernel);
  auto lru = filled<bpfmap::lru_hash<std::uint32_t, std::uint64_t>>(1000, {.max_entries = 4096});
  lru.set_bulk_path(bulk_path::in_kernel);
  same_as_by_batch(lru, bulk_path::in_kernel);
}

BOOST_AUTO_TEST_CASE(work_on_maps_without_preallocation, *ut::precondition(test::since{{6, 1}})) {
  auto map = filled<numbers>(1000, {.max_entries = 4096, .flags = bpfmap::map_flags::no_prealloc});
  map.set_bulk_path(bulk_path::in_kernel);
  same_as_by_batch(map, bulk_path::in_kernel);
}

BOOST_AUTO_TEST_CASE(are_chosen_for_full_maps_and_not_for_sparse_or_small_ones) {
  auto const full = filled(100'000, 100'000);
  BOOST_TEST(sorted(full, walk::in_kernel).size() == 100'000U);
  BOOST_TEST(full.walked_by() == bulk_path::in_kernel);
  BOOST_TEST(sorted(full, walk::batch).size() == 100'000U);
  BOOST_TEST(full.walked_by() == bulk_path::batch);
  auto const loads = test::calls::program_load();
  auto const sparse = filled(1000, 1'000'000);
  same_as_by_batch(sparse, bulk_path::batch);
  auto const small = filled(1000, 1000);
  same_as_by_batch(small, bulk_path::batch);
  auto const tiny = filled(3, 1000);
  same_as_by_batch(tiny, bulk_path::batch);
  // Many elements, and many more buckets.
  auto const thin = filled(20'000, 1'000'000);
  same_as_by_batch(thin, bulk_path::batch);
  // So large that a CPU would be held for long.
  auto const large = bpfmap::array<std::uint32_t>::create({.max_entries = (1U << 20) + 1});
  BOOST_TEST(large.for_each([](auto, auto) { return false; }, walk::in_kernel) == 1U);
  BOOST_TEST(large.walked_by() == bulk_path::batch);
  // Only the bulk calls that filled them, and these on the first of many keys.
  BOOST_TEST(test::calls::program_load() - loads <= 4U);
}

BOOST_AUTO_TEST_CASE(take_few_system_calls_to_choose_batches) {
  auto const sparse = filled(2000, 1'000'000);
  auto const batches = test::calls::lookup_batch();
  BOOST_TEST(sorted(sparse, walk::in_kernel).size() == 2000U);
  BOOST_TEST(test::calls::lookup_batch() - batches <= 3U);  // a small one, and all the others in one or two
}

BOOST_AUTO_TEST_CASE(are_made_again_when_there_was_too_little_room) {
  auto const map = filled(1000, 4096);
  for (std::uint64_t const room : {0U, 1U, 2U, 100U, 999U, 1000U, 1001U}) {
    BOOST_TEST_CONTEXT("room for " << room) {
      std::error_code ec;
      auto const loads = test::calls::program_load();
      auto const dump = bpfmap::detail::kernel_dump::take(shape_of(map), room, ec);
      BOOST_TEST(!ec);
      BOOST_TEST(test::calls::program_load() - loads == (room < 1000 ? 2U : 1U));
      BOOST_TEST(dump.count() == 1000U);
      std::vector<std::uint32_t> keys;
      for (std::uint32_t i = 0; i < dump.count(); ++i) {
        std::uint32_t key = 0;
        std::uint64_t value = 0;
        std::memcpy(&key, dump.key(i), sizeof key);
        std::memcpy(&value, dump.value(i), sizeof value);
        BOOST_TEST(value == bytes_of<std::uint64_t>(key * 7 + 1));
        keys.push_back(key);
      }
      std::ranges::sort(keys);
      BOOST_TEST((std::ranges::adjacent_find(keys) == keys.end()));
      BOOST_TEST(keys.back() == 999U);
    }
  }
}

BOOST_AUTO_TEST_CASE(of_more_than_may_be_copied_go_by_batch) {
  auto const map = filled(1000, 4096);
  std::error_code ec;
  static_cast<void>(bpfmap::detail::kernel_dump::take(shape_of(map), std::uint64_t{1} << 30, ec));
  BOOST_TEST((ec == std::errc::argument_list_too_long));
  // More instructions than fit.
  auto large = filled<bpfmap::array<bytes<20'000>>>(2500, {.max_entries = 2500});
  std::uint32_t next = 0;
  large.for_each([&](std::uint32_t index, auto const&) { next += index == next ? 1U : 0U; }, walk::in_kernel);
  BOOST_TEST(next == 2500U);
  BOOST_TEST(large.walked_by() == bulk_path::batch);
  BOOST_TEST(refusal(large) == E2BIG);
  next = 0;
  for (std::uint32_t const index : large.keys(walk::in_kernel)) next += index == next ? 1U : 0U;
  BOOST_TEST(next == 2500U);
  BOOST_TEST(large.walked_by() == bulk_path::in_kernel, "its keys are small");
}

BOOST_AUTO_TEST_CASE(of_a_map_that_grows_meanwhile_see_what_stays) {
  // Nobody is replaced or deleted, so what is there throughout is seen, once. The map begins at a size that makes room
  // for too few.
  auto map = filled(20'000, 200'000);
  map.set_bulk_path(bulk_path::in_kernel);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    std::error_code ec;
    for (std::uint32_t i = 20'000; i < 200'000 && !stop; ++i) map.insert(i, bytes_of<std::uint64_t>(i * 7 + 1), ec);
  });
  for (int pass = 0; pass < 10; ++pass) {
    std::vector<std::uint8_t> seen(20'000, 0);
    std::size_t wrong = 0;
    std::error_code ec;
    for (auto const& [key, value] : map.entries(walk::in_kernel, ec)) {
      wrong += value != bytes_of<std::uint64_t>(key * 7 + 1) && key < 20'000 ? 1U : 0U;
      if (key < 20'000) ++seen[key];
    }
    BOOST_TEST(!ec, ec.message());
    BOOST_TEST(wrong == 0U);
    BOOST_TEST(std::ranges::count(seen, 1) == 20'000);
  }
  stop = true;
  writer.join();
}

BOOST_AUTO_TEST_CASE(go_by_batch_where_programs_are_refused) {
  auto map = filled(20'000, 20'000);
  {
    test::deny_programs const deny;
    same_as_by_batch(map, bulk_path::batch);
    BOOST_TEST(refusal(map) == EPERM);
  }
  test::deny_helper const deny(164);
  same_as_by_batch(map, bulk_path::batch);
  BOOST_TEST(refusal(map) == EINVAL);
  map.set_bulk_path(bulk_path::in_kernel);
  auto const message = test::message_of([&] {
    for ([[maybe_unused]] auto const& each : map.keys(walk::in_kernel)) {
    }
  });
  BOOST_TEST(test::has(message, "keys on"), message);
}

BOOST_AUTO_TEST_CASE(go_by_keys_where_batches_are_refused_too) {
  auto map = filled(5000, 5000);
  test::deny_programs const no_programs;
  test::deny_batch const no_batch;
  BOOST_TEST(sorted(map, walk::in_kernel).size() == 5000U);
  BOOST_TEST(map.walked_by() == bulk_path::single);
  BOOST_TEST(sorted(map, walk::batch).size() == 5000U);
  BOOST_TEST(map.walked_by() == bulk_path::single);
  map.set_bulk_path(bulk_path::batch);
  std::error_code ec;
  map.for_each([](auto, auto) {}, walk::in_kernel, ec);
  BOOST_TEST((ec == std::errc::operation_not_supported));
}

BOOST_AUTO_TEST_CASE(take_the_way_that_is_forced) {
  auto map = filled(20'000, 20'000);
  for (bulk_path const way : {bulk_path::in_kernel, bulk_path::batch, bulk_path::single}) {
    map.set_bulk_path(way);
    same_as_by_batch(map, way);
  }
  // What one call asks for counts more.
  map.set_bulk_path(bulk_path::in_kernel);
  BOOST_TEST(sorted(map, walk::batch).size() == 20'000U);
  BOOST_TEST(map.walked_by() == bulk_path::batch);
}

BOOST_AUTO_TEST_CASE(of_a_descriptor_that_may_not_read_are_refused) {
  auto map = numbers::create({.max_entries = 50'000, .flags = bpfmap::map_flags::wronly});
  for (std::uint32_t i = 0; i < 10; ++i) map.insert_or_assign(i, i);
  BOOST_TEST(refusal(map) == EPERM);
  std::error_code ec;
  map.for_each([](auto, auto) {}, walk::in_kernel, ec);
  BOOST_TEST((ec == std::errc::operation_not_permitted));
}

BOOST_AUTO_TEST_CASE(of_maps_that_programs_may_not_read_go_by_batch) {
  auto map = filled<numbers>(20'000, {.max_entries = 20'000, .flags = bpfmap::map_flags::wronly_prog});
  BOOST_TEST((sorted(map, walk::in_kernel) == sorted(map, walk::batch)));
  BOOST_TEST(map.for_each([](auto, auto) {}, walk::in_kernel) == 20'000U);
  BOOST_TEST(map.walked_by() == bulk_path::batch);
  BOOST_TEST(refusal(map) == EACCES);
}

BOOST_AUTO_TEST_CASE(stop_when_the_callback_says_so) {
  auto map = filled(1000, 1000);
  map.set_bulk_path(bulk_path::in_kernel);
  std::size_t calls = 0;
  BOOST_TEST(map.for_each([&](auto, auto) { return ++calls < 7; }, walk::in_kernel) == 7U);
  BOOST_TEST(calls == 7U);
}

BOOST_AUTO_TEST_CASE(of_a_map_that_was_moved_from_say_so) {
  auto map = filled(10, 10);
  auto const moved = std::move(map);
  std::error_code ec;
  map.for_each([](auto, auto) {}, walk::in_kernel, ec);  // NOLINT: it has no descriptor any more
  BOOST_TEST((ec == std::errc::bad_file_descriptor));
  BOOST_TEST(sorted(moved, walk::in_kernel).size() == 10U);
}

BOOST_AUTO_TEST_CASE(of_several_threads_do_not_disturb_each_other, *ut::precondition(test::two_cpus)) {
  auto map = filled(20'000, 20'000);
  map.set_bulk_path(bulk_path::in_kernel);
  auto const expected = sorted(map, walk::batch);
  std::atomic<int> right{0};
  auto const work = [&] {
    for (int i = 0; i < 5; ++i) right += sorted(map, walk::in_kernel) == expected ? 1 : 0;
  };
  std::thread first(work);
  std::thread second(work);
  first.join();
  second.join();
  BOOST_TEST(right == 10);
}

BOOST_AUTO_TEST_SUITE_END()
