// SPDX-License-Identifier: MIT
// Walks inside the kernel, where there is none: the fake runs no such program. Whatever is refused, the elements come
// by batch; if no other way is allowed, the errno comes out.
#include "ring.hpp"

#include <map>

namespace {

using bpfmap::bulk_path;
using bpfmap::walk;
using fake::call;
using test::filled;
using test::flows;
using test::table;

// Enough for a program to be worth it.
constexpr std::uint32_t many = 8192;
constexpr std::uint32_t first_block = 256;
constexpr std::uint32_t block = 4096;

template <class Map>
void sees_each_once(Map const& map, std::uint32_t count) {
  std::map<std::uint32_t, unsigned> seen;
  for (auto const& [key, value] : map.entries(walk::in_kernel)) {
    BOOST_REQUIRE(value == key + 1);
    ++seen[key];
  }
  for (std::uint32_t const key : map.keys(walk::in_kernel)) ++seen[key];
  for (auto const value : map.values(walk::in_kernel)) ++seen[static_cast<std::uint32_t>(value) - 1];
  BOOST_TEST(map.for_each([&](std::uint32_t key, auto const&) { ++seen[key]; }, walk::in_kernel) == count);
  BOOST_TEST(seen.size() == count);
  for (auto const& [key, times] : seen) BOOST_REQUIRE((key < count && times == 4));
}

template <class Map>
void fails_with(Map& map, int number) {
  BOOST_TEST_CONTEXT("where no other way is allowed") {
    map.set_bulk_path(bulk_path::in_kernel);
    std::error_code ec;
    std::size_t seen = 0;
    for ([[maybe_unused]] auto const& each : map.entries(walk::in_kernel, ec)) ++seen;
    BOOST_TEST(ec.value() == number);
    BOOST_TEST(map.for_each([&](auto&&...) { ++seen; }, walk::in_kernel, ec) == 0U);
    BOOST_TEST(ec.value() == number);
    BOOST_TEST(seen == 0U);
    auto const error = test::error_of([&] {
      for ([[maybe_unused]] auto const& each : map.values(walk::in_kernel)) {
      }
    });
    BOOST_TEST(error.operation == "values");
    BOOST_TEST(error.code.value() == number);
    map.set_bulk_path(bulk_path::automatic);
  }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kernel_walks, test::ring)

BOOST_AUTO_TEST_CASE(go_by_batch_whatever_is_refused) {
  auto hash = filled<flows>(many, {.max_entries = many});
  auto array = filled<table>(many, {.max_entries = many});
  struct refusal {
    call which;
    int number;
    std::size_t after;
  };
  // The memory for the report, then that for the elements; the BTF; the program.
  for (auto const& [which, number, after] :
       {refusal{call::map_create, EPERM, 0}, refusal{call::map_create, ENOMEM, 1}, refusal{call::btf_load, EPERM, 0},
        refusal{call::program_load, EPERM, 0}, refusal{call::program_load, E2BIG, 0}}) {
    BOOST_TEST_CONTEXT("refused: call " << static_cast<int>(which) << ", errno " << number << ", after " << after) {
      for (int i = 0; i < 4; ++i) fake::fail(which, number, 1, after);
      sees_each_once(hash, many);
      BOOST_TEST(hash.walked_by() == bulk_path::batch);
      fake::reset_script(which);
      for (int i = 0; i < 4; ++i) fake::fail(which, number, 1, after);
      sees_each_once(array, many);
      BOOST_TEST(array.walked_by() == bulk_path::batch);
      fake::reset_script(which);
      for (int i = 0; i < 3; ++i) fake::fail(which, number, 1, after);
      fails_with(hash, number);
      fake::reset_script(which);
    }
  }
}

BOOST_AUTO_TEST_CASE(ask_for_no_program_where_it_is_not_worth_it) {
  auto const loads = fake::calls(call::program_load);
  auto const makes = fake::calls(call::map_create);
  auto const small = filled<flows>(1000, {.max_entries = 1000});
  sees_each_once(small, 1000);
  // The fake's buckets are in the order of its keys: these lie far apart.
  auto const sparse = test::map_with<flows>({.max_entries = 500'000});
  for (std::uint32_t i = 0; i < 1000; ++i) sparse.insert_or_assign(i * 512, i);
  BOOST_TEST(sparse.for_each([](auto, auto) {}, walk::in_kernel) == 1000U);
  BOOST_TEST(sparse.walked_by() == bulk_path::batch);
  auto const large = filled<table>(1, {.max_entries = (1U << 20) + 1});
  BOOST_TEST(large.for_each([](auto, auto) { return false; }, walk::in_kernel) == 1U);
  BOOST_TEST(large.walked_by() == bulk_path::batch);
  BOOST_TEST(fake::calls(call::program_load) == loads);
  BOOST_TEST(fake::calls(call::map_create) == makes);
}

BOOST_AUTO_TEST_CASE(begin_with_a_small_batch_and_go_on_with_large_ones) {
  auto const map = filled<flows>(many, {.max_entries = many});
  auto const before = fake::calls(call::lookup_batch);
  BOOST_TEST(map.for_each([](auto, auto) {}, walk::in_kernel) == many);
  auto const with = fake::calls(call::lookup_batch) - before;
  BOOST_TEST(map.for_each([](auto, auto) {}, walk::batch) == many);
  auto const without = fake::calls(call::lookup_batch) - before - with;
  BOOST_TEST(without <= 1 + many / block);
  BOOST_TEST(with <= without + 1);
  BOOST_TEST(with >= 1 + (many - first_block) / block);
}

BOOST_AUTO_TEST_CASE(report_what_a_batch_reports) {
  auto map = filled<flows>(many, {.max_entries = many});
  for (int const number : {EPERM, EBADF, ENOMEM}) {
    fake::fail(call::lookup_batch, number, 3);
    fails_with(map, number);
    fake::fail(call::lookup_batch, number);
    std::error_code ec;
    BOOST_TEST(map.for_each([](auto, auto) {}, walk::in_kernel, ec) == 0U);
    BOOST_TEST(ec.value() == number);
    fake::reset_script(call::lookup_batch);
  }
}

BOOST_AUTO_TEST_CASE(go_by_keys_where_there_are_no_batches) {
  auto map = filled<flows>(500, {.max_entries = 500});
  fake::fail(call::lookup_batch, bpfmap::enotsupp, fake::forever);
  sees_each_once(map, 500);
  BOOST_TEST(map.walked_by() == bulk_path::single);
  map.set_bulk_path(bulk_path::batch);
  std::error_code ec;
  BOOST_TEST(map.for_each([](auto, auto) {}, walk::in_kernel, ec) == 0U);
  BOOST_TEST(ec.value() == EOPNOTSUPP);
  map.set_bulk_path(bulk_path::single);
  fake::reset_script(call::lookup_batch);
  auto const before = fake::calls(call::lookup_batch);
  sees_each_once(map, 500);
  BOOST_TEST(fake::calls(call::lookup_batch) == before);
}

BOOST_AUTO_TEST_SUITE_END()
