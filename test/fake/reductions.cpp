// SPDX-License-Identifier: MIT
// totals() and reduce_all() of per-CPU arrays, and walks over them: which way they go, what they do where the kernel
// refuses, on CPUs whose ids have holes.
#include "ring.hpp"

#include <array>
#include <thread>
#include <vector>

namespace {

using bpfmap::bulk_path;
using fake::call;
using test::drops;

constexpr bulk_path every_path[] = {bulk_path::automatic, bulk_path::in_kernel, bulk_path::batch, bulk_path::single};

// More than one block of 4096 results.
constexpr std::uint32_t many = 10'000;

/// The fake ring, with a kernel that runs programs that loop.
struct looping : test::ring {
  looping() { fake::run_loops(); }
};

// Element i has slots i, 2i, 3i, …: their sum says whether each counted once.
template <class Map>
Map counted(std::uint32_t count) {
  Map map = test::map_with<Map>({.value_size = sizeof(typename Map::slot_type), .max_entries = count});
  for (std::uint32_t i = 0; i < count; ++i) {
    std::array<std::uint64_t, fake_files::possible_count> slots{};
    for (std::size_t rank = 0; rank < slots.size(); ++rank) slots[rank] = i * (rank + 1);
    fake::put(map.fd(), &i, slots.data());
  }
  return map;
}
constexpr std::uint64_t total_of(std::uint64_t i) { return i * 21; }

bool all_right(std::vector<std::uint64_t> const& totals, std::size_t count) {
  bool right = totals.size() == count;
  for (std::size_t i = 0; i < totals.size(); ++i) right = right && totals[i] == total_of(i);
  return right;
}

bool walk_is_right(drops const& map, std::uint32_t count) {
  std::vector<std::uint64_t> seen;
  bool in_order = true;
  for (auto const& [index, value] : map) {
    in_order = in_order && index == seen.size();
    seen.push_back(value);
  }
  return in_order && all_right(seen, count);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(reductions, looping)

BOOST_AUTO_TEST_CASE(ask_for_the_slots_of_possible_cpus_only) {
  auto map = counted<drops>(many);
  for (bulk_path const path : every_path) {
    map.set_bulk_path(path);
    BOOST_TEST(all_right(map.reduce_all(), many), to_string(path));
    BOOST_TEST(walk_is_right(map, many), to_string(path));
  }
  // That no other CPU was asked for is what the fixture looks at.
}

BOOST_AUTO_TEST_CASE(run_once_a_block_and_look_the_first_element_up) {
  auto const map = counted<drops>(many);
  auto const runs = fake::calls(call::program_run);
  auto const lookups = fake::calls(call::lookup);
  BOOST_TEST(all_right(map.reduce_all(), many));
  BOOST_TEST(map.bulk_by() == bulk_path::in_kernel);
  BOOST_TEST(fake::calls(call::program_run) == runs + 3);
  BOOST_TEST(fake::calls(call::lookup) == lookups + 1);
  BOOST_TEST(fake::calls(call::lookup_batch) == 0U);
}

BOOST_AUTO_TEST_CASE(of_nothing_ask_for_nothing) {
  auto map = counted<drops>(10);
  std::vector<std::uint64_t> none;
  for (bulk_path const path : every_path) {
    map.set_bulk_path(path);
    BOOST_TEST(map.totals(none) == 0U);
  }
  for (call const each : {call::lookup, call::lookup_batch, call::program_load, call::map_create}) {
    BOOST_TEST(fake::calls(each) == 0U);
  }
}

BOOST_AUTO_TEST_CASE(come_by_batch_where_the_program_is_refused_and_ask_only_once) {
  for (int const number : {EPERM, EACCES, EINVAL, E2BIG, 524, ENOSYS}) {
    BOOST_TEST_CONTEXT("errno " << number) {
      auto const map = counted<drops>(many);
      (void)bpfmap::detail::has_may_goto();
      fake::fail(call::program_load, number, fake::forever);
      auto const loads = fake::calls(call::program_load);
      for (int i = 0; i < 3; ++i) BOOST_TEST(all_right(map.reduce_all(), many));
      BOOST_TEST(map.bulk_by() == bulk_path::batch);
      BOOST_TEST(walk_is_right(map, many));
      BOOST_TEST(fake::calls(call::program_load) <= loads + 1);
      fake::reset_script(call::program_load);
    }
  }
}

BOOST_AUTO_TEST_CASE(ask_again_after_a_lack_that_passes) {
  for (call const which : {call::program_load, call::map_create}) {
    for (int const number : {EMFILE, ENFILE, ENOMEM, EAGAIN, EINTR}) {
      BOOST_TEST_CONTEXT("call " << static_cast<int>(which) << ", errno " << number) {
        auto const map = counted<drops>(many);
        (void)bpfmap::detail::has_may_goto();
        // A program that a signal kept from loading is tried twice.
        fake::fail(which, number, which == call::program_load && number == EAGAIN ? 2 : 1);
        BOOST_TEST(all_right(map.reduce_all(), many));
        BOOST_TEST(map.bulk_by() == bulk_path::batch);
        BOOST_TEST(all_right(map.reduce_all(), many));
        BOOST_TEST(map.bulk_by() == bulk_path::in_kernel);
        fake::reset_script(which);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(come_one_by_one_where_batches_are_refused_too) {
  for (int const number : {524, EINVAL, EOPNOTSUPP, ENOSYS}) {
    BOOST_TEST_CONTEXT("errno " << number) {
      auto const map = counted<drops>(many);
      fake::fail(call::map_create, EPERM, fake::forever);
      fake::fail(call::lookup_batch, number, fake::forever);
      BOOST_TEST(all_right(map.reduce_all(), many));
      BOOST_TEST(map.bulk_by() == bulk_path::single);
      BOOST_TEST(walk_is_right(map, many));
      fake::reset_script(call::map_create);
      fake::reset_script(call::lookup_batch);
    }
  }
}

BOOST_AUTO_TEST_CASE(on_a_forced_path_give_the_errno) {
  auto map = counted<drops>(many);
  (void)bpfmap::detail::has_may_goto();
  std::vector<std::uint64_t> out(many);
  auto const forced = [&](bulk_path path, int number, std::size_t done) {
    map.set_bulk_path(path);
    std::error_code ec = bpfmap::make_error(ENOTTY);
    BOOST_TEST(map.totals(out, ec) == done);
    BOOST_TEST(ec.value() == number);
    auto const error = test::error_of([&] { map.totals(out); });
    BOOST_TEST(error.operation == "totals");
    BOOST_TEST(error.code.value() == number);
    BOOST_TEST(test::error_of([&] { (void)map.reduce_all(); }).operation == "reduce_all");
  };
  fake::fail(call::map_create, ENOMEM, fake::forever);
  forced(bulk_path::in_kernel, ENOMEM, 1);
  fake::reset_script(call::map_create);
  fake::fail(call::program_load, EACCES, fake::forever);
  forced(bulk_path::in_kernel, EACCES, 1);
  std::error_code ec;
  BOOST_TEST(map.for_each([](auto, auto) {}, ec) == 0U);
  BOOST_TEST(ec.value() == EACCES);
  fake::fail(call::lookup_batch, 524, fake::forever);
  forced(bulk_path::batch, EOPNOTSUPP, 0);
  fake::fail(call::lookup, EPERM, fake::forever);
  forced(bulk_path::single, EPERM, 0);
  forced(bulk_path::in_kernel, EPERM, 0);
}

BOOST_AUTO_TEST_CASE(whose_program_stops_in_the_middle_are_whole_all_the_same) {
  auto map = counted<drops>(many);
  BOOST_TEST(all_right(map.reduce_all(), many));
  for (std::size_t const after : {0U, 1U, 2U}) {
    fake::fail(call::program_run, EINVAL, fake::forever, after);
    BOOST_TEST(all_right(map.reduce_all(), many));
    BOOST_TEST(map.bulk_by() == bulk_path::batch);
    fake::reset_script(call::program_run);
    fake::fail(call::program_run, EINVAL, fake::forever, after);
    BOOST_TEST(walk_is_right(map, many));
    fake::reset_script(call::program_run);
    // Forced: what was done counts.
    map.set_bulk_path(bulk_path::in_kernel);
    fake::fail(call::program_run, EINVAL, fake::forever, after);
    std::vector<std::uint64_t> out(many);
    std::error_code ec;
    BOOST_TEST(map.totals(out, ec) == 1 + after * 4096);
    BOOST_TEST(ec.value() == EINVAL);
    BOOST_TEST(out[after * 4096] == total_of(after * 4096));
    fake::reset_script(call::program_run);
    map.set_bulk_path(bulk_path::automatic);
  }
}

BOOST_AUTO_TEST_CASE(that_may_not_be_read_are_an_error_and_nothing_else_is_tried) {
  auto map = test::map_with<drops>({.max_entries = many, .flags = bpfmap::map_flags::wronly});
  for (bulk_path const path : every_path) {
    map.set_bulk_path(path);
    std::vector<std::uint64_t> out(many, 7);
    std::error_code ec;
    BOOST_TEST(map.totals(out, ec) == 0U);
    BOOST_TEST(ec.value() == EPERM);
    BOOST_TEST(out[0] == 7U);
    BOOST_TEST(test::has(test::message_of([&] { map.totals(out); }), "write-only"));
    BOOST_TEST(map.for_each([](auto, auto) {}, ec) == 0U);
    BOOST_TEST(ec.value() == EPERM);
  }
}

BOOST_AUTO_TEST_CASE(by_batch_that_fail_in_the_middle_tell_how_many_there_are) {
  auto map = counted<drops>(many);
  map.set_bulk_path(bulk_path::batch);
  fake::fail(call::lookup_batch, EFAULT, 1, 1);
  std::vector<std::uint64_t> out(many);
  std::error_code ec;
  BOOST_TEST(map.totals(out, ec) == 4096U);
  BOOST_TEST(ec.value() == EFAULT);
  BOOST_TEST(out[4095] == total_of(4095));
  BOOST_TEST(out[4096] == 0U);
  fake::fail(call::lookup_batch, EFAULT, 1, 1);
  bpfmap::bulk_result progress;
  try {
    map.totals(out);
  } catch (bpfmap::bulk_error const& thrown) {
    progress = thrown.progress();
  }
  BOOST_TEST((progress == bpfmap::bulk_result{4096, 4096}));
}

BOOST_AUTO_TEST_CASE(of_a_part_copy_no_more_than_that) {
  auto map = counted<drops>(many);
  map.set_bulk_path(bulk_path::batch);
  std::vector<std::uint64_t> out(10);
  std::error_code ec;
  // A thread that keeps no memory yet, and gets none for a block of a walk.
  std::thread([&] {
    heap::limit const few(4096);
    map.totals(out, ec);
  }).join();
  BOOST_TEST(!ec);
  BOOST_TEST(all_right(out, 10));
}

BOOST_AUTO_TEST_CASE(take_no_memory_once_they_are_set_up) {
  auto map = counted<drops>(many);
  std::vector<std::uint64_t> out(many);
  std::error_code ec;
  auto const allocations_in = [&] {
    std::size_t const before = heap::allocations();
    map.totals(out, ec);
    map.totals(std::span(out).first(100), ec);
    return heap::allocations() - before;
  };
  (void)allocations_in();
  BOOST_TEST(allocations_in() == 0U);
  BOOST_TEST(map.bulk_by() == bulk_path::in_kernel);
  map.set_bulk_path(bulk_path::single);
  BOOST_TEST(allocations_in() == 0U);
  map.set_bulk_path(bulk_path::batch);
  (void)allocations_in();
  BOOST_TEST(allocations_in() == 0U);
  for (bulk_path const path : {bulk_path::automatic, bulk_path::batch}) {
    map.set_bulk_path(path);
    std::size_t const before = heap::allocations();
    map.for_each([](auto, auto) {}, ec);
    BOOST_TEST(heap::allocations() == before);
  }
  BOOST_TEST(!ec);
}

BOOST_AUTO_TEST_CASE(of_other_reducers_come_by_batch) {
  auto map = counted<bpfmap::percpu_array<std::uint64_t, bpfmap::reduce::mean>>(many);
  BOOST_TEST(map.reduce_all()[100] == 350U);
  BOOST_TEST(map.bulk_by() == bulk_path::batch);
  BOOST_TEST(fake::calls(call::program_load) == 0U);
  map.set_bulk_path(bulk_path::in_kernel);
  std::error_code ec;
  BOOST_TEST(map.reduce_all(ec).empty());
  BOOST_TEST(ec.value() == EOPNOTSUPP);
  BOOST_TEST(
      test::has(test::message_of([&] { (void)map.reduce_all(); }), "asked for in_kernel, which this map, this call"));
}

BOOST_AUTO_TEST_CASE(give_every_slot_into_values_that_are_there) {
  auto const map = counted<bpfmap::percpu_array<std::uint64_t, bpfmap::reduce::slots>>(3);
  std::vector<bpfmap::per_cpu_values<std::uint64_t>> out(2, map.at(0));
  BOOST_TEST(map.totals(out) == 2U);
  BOOST_TEST(out[1][bpfmap::cpu{8}] == 6U);
}

BOOST_AUTO_TEST_SUITE_END()
