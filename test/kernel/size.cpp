// SPDX-License-Identifier: MIT
// size() is exact, picks the cheapest method that there is, and says which.
#include "../support/deny.hpp"
#include "../support/kernel.hpp"

#include <chrono>
#include <vector>

namespace ut = boost::unit_test;
using bpfmap::counting;

namespace {

constexpr std::uint32_t many = 150'000;

bpfmap::hash<std::uint32_t, std::uint64_t> filled(std::uint32_t count, std::uint32_t room = 200'000) {
  auto map = bpfmap::hash<std::uint32_t, std::uint64_t>::create({.name = "filled", .max_entries = room});
  std::vector<std::uint32_t> keys(count);
  std::vector<std::uint64_t> values(count);
  for (std::uint32_t i = 0; i < count; ++i) keys[i] = i * 2654435761U;
  std::uint32_t done = count;
  if (count != 0) BOOST_REQUIRE(bpf_map_update_batch(map.fd(), keys.data(), values.data(), &done, nullptr) == 0);
  return map;
}

std::uint64_t count_by_keys(int fd) {
  std::uint32_t key = 0;
  std::uint32_t next = 0;
  std::uint64_t count = 0;
  for (void const* at = nullptr; bpf_map_get_next_key(fd, at, &next) == 0; at = &key) {
    key = next;
    ++count;
  }
  return count;
}

template <class F>
std::chrono::nanoseconds time_of(F&& f) {
  auto const start = std::chrono::steady_clock::now();
  f();
  return std::chrono::steady_clock::now() - start;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(size, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(of_150000_elements_comes_from_the_kernels_counter, *ut::precondition(test::since{{6, 6}})) {
  auto const map = filled(many);
  BOOST_TEST(map.size() == many);
  BOOST_TEST(map.counted_by() == counting::kernel_counter);
  BOOST_TEST(map.erase(0));
  BOOST_TEST(map.size() == many - 1);
  // Not a threshold of the test but a report: the ratio is measured by the benchmarks.
  std::uint64_t walked = 0;
  auto const walk = time_of([&] { walked = count_by_keys(map.fd()); });
  std::uint64_t asked = 0;
  auto const size = time_of([&] {
                      for (int i = 0; i < 1000; ++i) asked += map.size();
                    }) /
                    1000;
  BOOST_TEST(walked == many - 1);
  BOOST_TEST(asked == 1000ULL * (many - 1));
  BOOST_TEST_MESSAGE("size() takes " << size.count() << " ns, a walk by keys " << walk.count()
                                     << " ns: " << walk.count() / std::max<long>(size.count(), 1) << " times as long");
}

BOOST_AUTO_TEST_CASE(is_the_same_by_batches_where_programs_are_denied) {
  auto const map = filled(many);
  test::deny_programs const deny;
  BOOST_TEST(map.size() == many);
  BOOST_TEST(map.counted_by() == counting::batch_walk);
}

BOOST_AUTO_TEST_CASE(is_the_same_by_keys_where_batches_are_denied_too) {
  auto const map = filled(many);
  test::deny_programs const no_programs;
  test::deny_batch const no_batch;
  BOOST_TEST(map.size() == many);
  BOOST_TEST(map.counted_by() == counting::key_walk);
}

BOOST_AUTO_TEST_CASE(asks_for_a_refused_counter_only_once) {
  auto const map = filled(many);
  test::deny_programs const deny;
  BOOST_TEST(map.size() == many);
  auto const loads = test::calls::program_load();
  for (int i = 0; i < 5; ++i) BOOST_TEST(map.size() == many);
  BOOST_TEST(test::calls::program_load() == loads);
}

BOOST_AUTO_TEST_CASE(of_a_small_map_loads_no_program_at_first) {
  auto const map = filled(10, 100);
  auto const loads = test::calls::program_load();
  BOOST_TEST(map.size() == 10U);
  BOOST_TEST(map.counted_by() == counting::batch_walk);
  BOOST_TEST(test::calls::program_load() == loads);
}

BOOST_AUTO_TEST_CASE(of_a_small_map_asked_often_comes_to_the_counter, *ut::precondition(test::since{{6, 6}})) {
  auto const map = filled(100, 100);
  for (int i = 0; i < 200; ++i) BOOST_TEST(map.size() == 100U);
  BOOST_TEST(map.counted_by() == counting::kernel_counter);
}

BOOST_AUTO_TEST_CASE(moves_with_the_map) {
  test::no_leak const watch;
  {
    auto map = filled(many);
    BOOST_TEST(map.size() == many);
    auto const moved = std::move(map);
    BOOST_TEST(moved.size() == many);
    std::error_code ec;
    BOOST_TEST(map.size(ec) == 0U);  // NOLINT: a moved-from map is empty, and says so
    BOOST_TEST((ec == std::errc::bad_file_descriptor));
    map = filled(3, 10);
    BOOST_TEST(map.size() == 3U);
  }
}

BOOST_AUTO_TEST_CASE(of_every_hash_type_equals_a_walk, *ut::precondition(test::since{{6, 6}})) {
  auto const check = [](auto const& map, std::uint32_t inserted) {
    for (std::uint32_t i = 0; i < inserted; ++i) map.insert_or_assign(i, i + 1);
    std::uint64_t walked = 0;
    for ([[maybe_unused]] auto const& entry : map) ++walked;
    for (int i = 0; i < 50; ++i) BOOST_TEST(map.size() == walked);
    BOOST_TEST(map.counted_by() == counting::kernel_counter);
  };
  check(bpfmap::hash<std::uint32_t, std::uint64_t>::create({.max_entries = 1000}), 700);
  check(bpfmap::hash<std::uint32_t, std::uint64_t>::create(
            {.max_entries = 1000, .flags = bpfmap::map_flags::no_prealloc}),
        700);
  check(bpfmap::lru_hash<std::uint32_t, std::uint64_t>::create({.max_entries = 1000}), 5000);
  check(bpfmap::percpu_hash<std::uint32_t, std::uint64_t>::create({.max_entries = 1000}), 700);
  check(bpfmap::lru_percpu_hash<std::uint32_t, std::uint64_t>::create({.max_entries = 1000}), 5000);
}

BOOST_AUTO_TEST_CASE(of_an_array_is_its_number_of_entries_and_costs_nothing) {
  auto const map = bpfmap::array<std::uint32_t>::create({.max_entries = 77});
  auto const batches = test::calls::lookup_batch();
  BOOST_TEST(map.size() == 77U);
  BOOST_TEST(map.counted_by() == counting::constant);
  BOOST_TEST(bpfmap::percpu_array<std::uint32_t>::create({.max_entries = 5}).size() == 5U);
  BOOST_TEST(test::calls::lookup_batch() == batches);
}

BOOST_AUTO_TEST_CASE(of_an_empty_map_is_zero_and_empty_says_so) {
  auto const map = filled(0, 100);
  BOOST_TEST(map.size() == 0U);
  BOOST_TEST(map.empty());
  map.insert_or_assign(1, 1);
  BOOST_TEST(!map.empty());
}

BOOST_AUTO_TEST_CASE(of_a_closed_descriptor_is_an_error_and_not_a_number) {
  auto const map = filled(3, 10);
  ::close(map.fd());
  std::error_code ec;
  BOOST_TEST(map.size(ec) == 0U);
  BOOST_TEST((ec == std::errc::bad_file_descriptor));
  // Something must be there for the destructor to close.
  BOOST_TEST(::dup2(0, map.fd()) == map.fd());
}

BOOST_AUTO_TEST_SUITE_END()
