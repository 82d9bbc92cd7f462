// SPDX-License-Identifier: MIT
// Striped arrays: what programs count on every CPU by bpfmap.bpf.h, C++ reads in memory, beside a per-CPU array.
#include "../../bpf/striped.h"
#include "../../bpf/side.h"
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <sched.h>

namespace ut = boost::unit_test;

namespace {

using bpfmap::cpu;
using counts_map = bpfmap::striped_array<std::uint64_t>;
using parts_map = bpfmap::striped_array<side_parts>;

struct striped {
  test::no_leak leaks;
  bpfmap::object object = bpfmap::object::open(test::object_path("striped"));
  bpfmap::cpu_set online;

  striped() {
    // Walks over CPUs need Linux 5.19.
    object.leave_out_unsupported();
    object.load();
    std::error_code ec;
    online = bpfmap::online_cpus(ec);
  }

  /// Runs it on the first online CPU, or on another one, and gives what bpfmap.bpf.h returned.
  std::int64_t run(char const* name, std::uint32_t index, std::size_t rank = 0) {
    object.global<std::uint32_t>("place") = index;
    test::run_on(object.program(name), online[rank], 1);
    return object.global<std::int64_t>("result");
  }
};

/// Runs an XDP program so many times in a row, on the CPU that the thread is on.
bpfmap::run_result run_in_a_row(bpfmap::program const& program, std::uint32_t times) {
  std::array<std::byte, 64> const packet{};
  return program.run({.data_in = packet, .repeat = times});
}

void stay_on(std::uint32_t id) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(id, &set);
  BOOST_REQUIRE(sched_setaffinity(0, sizeof set, &set) == 0);
}

/// A thread on one CPU; joined when destroyed.
template <class F>
std::jthread on_cpu(std::uint32_t id, F&& f) {
  return std::jthread([id, f] {
    stay_on(id);
    f();
  });
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(striped_arrays, striped, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(of_two_cpus_that_count_at_once_lose_nothing, *ut::precondition(test::two_cpus)) {
  constexpr std::uint32_t times = 1'000'000;
  auto const counts = object.map<counts_map>("counts");
  auto const beside = object.map<bpfmap::percpu_array<std::uint64_t>>("beside");
  auto const count = object.program("striped_count");
  {
    auto const first = on_cpu(online[0], [&] { BOOST_TEST(run_in_a_row(count, times).return_value == 0U); });
    auto const second = on_cpu(online[1], [&] { BOOST_TEST(run_in_a_row(count, times + 7).return_value == 0U); });
  }
  auto const totals = counts.reduce_all();
  BOOST_TEST(totals.size() == std::size_t{STRIPED_ENTRIES});
  BOOST_TEST(std::accumulate(totals.begin(), totals.end(), std::uint64_t{0}) == 2 * times + 7);
  auto const narrow = object.map<bpfmap::striped_array<std::uint32_t>>("narrow").reduce_all();
  for (auto const& [index, expected] : beside) {
    BOOST_TEST(totals[index] == expected);
    BOOST_TEST(narrow[index] == expected);
    BOOST_TEST(counts.at(index) == expected);
    for (std::size_t const rank : {0U, 1U}) {
      BOOST_TEST(counts.at(index, cpu{online[rank]}) == beside.at(index, cpu{online[rank]}));
    }
  }
  for (auto const& [index, value] : counts) BOOST_TEST(value == totals[index]);
}

BOOST_AUTO_TEST_CASE(never_count_backwards_for_a_reader, *ut::precondition(test::two_cpus)) {
  auto const counts = object.map<counts_map>("counts");
  std::atomic<bool> done = false;
  auto const counting = on_cpu(online[0], [&] {
    run_in_a_row(object.program("striped_count"), 1'000'000);
    done = true;
  });
  std::vector<std::uint64_t> before(STRIPED_ENTRIES);
  std::vector<std::uint64_t> now(STRIPED_ENTRIES);
  bool ascending = true;
  std::uint64_t changes = 0;
  while (!done) {
    counts.totals(now);
    for (std::size_t i = 0; i < now.size(); ++i) ascending = ascending && now[i] >= before[i];
    changes += now != before ? 1 : 0;
    std::swap(now, before);
  }
  BOOST_TEST(ascending);
  BOOST_TEST(changes > 0U);
}

// The halves of the number are the same after each addition: whoever sees others has seen half of a write.
BOOST_AUTO_TEST_CASE(never_show_half_a_number, *ut::precondition(test::two_cpus)) {
  auto const halves = object.map<counts_map>("halves");
  std::atomic<bool> done = false;
  auto const counting = on_cpu(online[0], [&] {
    run_in_a_row(object.program("striped_add_to_halves"), 3'000'000);
    done = true;
  });
  std::array<std::uint64_t, 64> totals{};
  std::uint64_t torn = 0;
  std::uint64_t changes = 0;
  std::uint64_t before = 0;
  auto const look = [&](std::uint64_t number) {
    torn += number >> 32 != (number & 0xffffffffU) ? 1 : 0;
    changes += number != before ? 1 : 0;
    before = number;
  };
  while (!done) {
    halves.totals(totals);
    look(totals[0]);
    look(halves.at(0));
    look(halves.at(0, cpu{online[0]}));
  }
  BOOST_TEST(torn == 0U);
  BOOST_TEST(changes > 0U);
  BOOST_TEST(halves.at(0) == 3'000'000 * 0x100000001U);
}

BOOST_AUTO_TEST_CASE(have_members_of_every_width, *ut::precondition(test::two_cpus)) {
  for (std::size_t const rank : {0U, 1U, 1U}) BOOST_TEST(run("striped_add_parts", 4, rank) == 0);
  auto const parts = object.map<parts_map>("parts");
  side_parts const expected = object.map<bpfmap::percpu_array<side_parts>>("parts_beside").at(4);
  BOOST_TEST(expected.u64 == 15U);
  for (side_parts const& seen : {parts.at(4), parts.reduce_all()[4]}) {
    BOOST_TEST(seen.u64 == expected.u64);
    BOOST_TEST(seen.s64 == expected.s64);
    BOOST_TEST(seen.u32 == expected.u32);
    BOOST_TEST(seen.s32 == expected.s32);
    BOOST_TEST(seen.u16 == expected.u16);
    BOOST_TEST(seen.s16 == expected.s16);
    BOOST_TEST(int{seen.u8} == int{expected.u8});
    BOOST_TEST(int{seen.s8} == int{expected.s8});
  }
  BOOST_TEST(parts.at(4, cpu{online[1]}).u64 == 10U);
  BOOST_TEST(parts.at(3).u64 == 0U);
}

BOOST_AUTO_TEST_CASE(have_slots_of_odd_sizes) {
  for (std::int64_t times = 1; times <= 3; ++times) BOOST_TEST(run("striped_add_odd", 2) == times);
  auto const odd = object.map<bpfmap::striped_array<side_odd>>("odd");
  BOOST_TEST(odd.size() == 3U);
  BOOST_TEST(int{odd.at(2).numbers[10]} == 3);
  BOOST_TEST(int{odd.at(1).numbers[10]} == 0);
  BOOST_TEST(run("striped_add_odd", 3) == -1);
}

BOOST_AUTO_TEST_CASE(end_for_programs_at_their_last_index) {
  BOOST_TEST(run("striped_get_or_init", STRIPED_ENTRIES - 1) == 1);
  BOOST_TEST(run("striped_get_or_init", STRIPED_ENTRIES - 1) == 2);
  // Behind it there is padding, and then the next CPU's first slot.
  for (std::uint32_t const index : {STRIPED_ENTRIES + 0U, STRIPED_ENTRIES + 4U, STRIPED_ENTRIES + 5U, 4000000000U}) {
    BOOST_TEST(run("striped_get_or_init", index) == -1);
    BOOST_TEST(run("striped_add_parts", index) == -E2BIG);
  }
  auto const totals = object.map<counts_map>("counts").reduce_all();
  BOOST_TEST(std::accumulate(totals.begin(), totals.end(), std::uint64_t{0}) == 2U);
}

BOOST_AUTO_TEST_CASE(are_reduced_in_programs_as_in_cpp,
                     *ut::precondition(test::two_cpus) * ut::precondition(test::since{{5, 19}})) {
  auto const counts = object.map<counts_map>("counts");
  counts.insert_or_assign(7, 5, cpu{online[0]});
  counts.insert_or_assign(7, 3, cpu{online[1]});
  side_parts minus_three{};
  minus_three.s8 = -3;
  object.map<parts_map>("parts").insert_or_assign(4, minus_three, bpfmap::all_cpus);
  (void)run("striped_read", 7, 1);
  auto const& view = object.global<striped_view>("view");
  std::error_code ec;
  auto const cpus = bpfmap::possible_cpus(ec).size();
  BOOST_TEST(view.own == 3U);
  BOOST_TEST(view.sum == 8U);
  BOOST_TEST(view.sum == counts.at(7));
  BOOST_TEST(view.least == 3U);
  BOOST_TEST(view.most == 5U);
  BOOST_TEST(view.slots == cpus);
  if (cpus == 2) BOOST_TEST(view.in_order == 5003U);
  BOOST_TEST(view.small == 0);  // index 7 is beyond the end of that array
  BOOST_TEST(view.size == STRIPED_ENTRIES);
  counts.insert_or_assign(4, 9);
  (void)run("striped_read", 4);
  BOOST_TEST(view.sum == 9U);
  BOOST_TEST(view.small == -3 * static_cast<std::int64_t>(cpus));
  (void)run("striped_read", STRIPED_ENTRIES);
  BOOST_TEST(view.own == ~0ULL);
  BOOST_TEST(view.sum == 0U);
  BOOST_TEST(view.slots == 0U);
}

BOOST_AUTO_TEST_CASE(are_the_same_for_whoever_opens_their_pin) {
  test::private_bpffs const bpffs;
  BOOST_REQUIRE(bpffs.mounted());
  auto const counts = object.map<counts_map>("counts");
  counts.insert_or_assign(1002, 12);
  counts.pin(bpffs / "counts");
  auto const pinned = counts_map::open_pinned(bpffs / "counts");
  BOOST_TEST(pinned.size() == std::size_t{STRIPED_ENTRIES});
  BOOST_TEST(pinned.at(1002) == 12U);
  BOOST_TEST(counts_map::from_id(counts.id()).at(1002) == 12U);
  BOOST_TEST(counts_map::bind(object.map("counts").get()).at(1002) == 12U);
  BOOST_TEST(test::has(test::message_of([&] { (void)bpfmap::striped_array<std::uint32_t>::from_fd(counts.fd()); }),
                       "value size is 8, expected 4"));
  auto const other = bpfmap::array<std::uint64_t, bpfmap::mmapable>::create({.max_entries = 1});
  std::error_code ec;
  if (bpfmap::possible_cpus(ec).highest() > 0) {
    BOOST_TEST(test::has(test::message_of([&] { (void)counts_map::from_fd(other.fd()); }),
                         "max_entries is 1, which no striped array of this machine's"));
  }
}

BOOST_AUTO_TEST_CASE(of_an_object_that_libbpf_loads_must_be_fitted_to_the_machine) {
  bpfmap::capture_libbpf_log const log;
  auto unfitted = bpfmap::object::open(test::object_path("striped"));
  BOOST_TEST(bpf_object__load(unfitted.get()) == -EINVAL);
  auto fitted = bpfmap::object::open(test::object_path("striped"));
  fitted.leave_out_unsupported();
  std::error_code ec;
  bpfmap::fit_to_machine(fitted.get(), ec);
  BOOST_TEST(!ec);
  BOOST_TEST(bpf_object__load(fitted.get()) == 0);
  BOOST_TEST(fitted.map<counts_map>("counts").size() == std::size_t{STRIPED_ENTRIES});
  auto changed = bpfmap::object::open(test::object_path("striped"));
  changed.map("counts").set_max_entries(64);
  bpfmap::fit_to_machine(changed.get(), ec);
  BOOST_TEST(ec.value() == EINVAL);
}

BOOST_AUTO_TEST_CASE(that_are_frozen_or_for_reading_only_are_read) {
  auto const writable = counts_map::create({.name = "counts", .max_entries = 10});
  BOOST_TEST(test::has(test::message_of([&] { writable.freeze(); }), "[EBUSY]: a writable mapping of the map exists"));
  auto const plain =
      bpfmap::array<std::uint64_t>::create({.name = "counts",
                                            .max_entries = static_cast<std::uint32_t>(writable.info().max_entries),
                                            .flags = bpfmap::map_flags::mmapable});
  plain.insert_or_assign(3, 8);
  plain.freeze();
  auto const frozen = counts_map::from_fd(plain.fd());
  BOOST_TEST(frozen.at(3) == 8U);
  BOOST_TEST(test::has(test::message_of([&] { frozen.insert_or_assign(3, 1); }), "[EPERM]"));
  auto const constant =
      counts_map::create({.name = "counts", .max_entries = 10, .flags = bpfmap::map_flags::rdonly_prog});
  BOOST_TEST(constant.at(3) == 0U);
  BOOST_TEST(test::has(test::message_of([&] { constant.insert_or_assign(3, 1); }), "[EPERM]"));
}

BOOST_AUTO_TEST_SUITE_END()
