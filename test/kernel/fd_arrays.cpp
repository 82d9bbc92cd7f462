// SPDX-License-Identifier: MIT
// Arrays of programs, cgroups and perf events: what programs make of what user space puts in.
#include "../support/cgroup.hpp"
#include "../support/kernel.hpp"
#include "../support/network.hpp"
#include "../support/programs.hpp"

#include <array>
#include <chrono>
#include <map>
#include <string>
#include <utility>

#include <linux/perf_event.h>
#include <sys/syscall.h>

namespace ut = boost::unit_test;
using bpfmap::cgroup_array;
using bpfmap::prog_array;

namespace {

struct programs {
  test::no_leak leaks;
  bpfmap::object object = test::loaded("fd_arrays");
  std::array<std::byte, 64> packet{};

  [[nodiscard]] std::uint32_t jump() { return object.program("jump").run({.data_in = packet}).return_value; }
};

boost::test_tools::assertion_result bpf_and_cgroups(ut::test_unit_id unit) {
  auto allowed = test::may_use_bpf(unit);
  return allowed ? test::has_cgroups(unit) : allowed;
}

/// A counter of the time that a CPU runs: software, so every machine has it.
bpfmap::unique_fd clock_of(std::uint32_t cpu, bool inherited = false) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_CPU_CLOCK;
  attributes.inherit = inherited ? 1 : 0;
  return bpfmap::unique_fd(static_cast<int>(
      syscall(SYS_perf_event_open, &attributes, inherited ? 0 : -1, static_cast<int>(cpu), -1, PERF_FLAG_FD_CLOEXEC)));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(prog_arrays, programs, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(tail_calls_go_where_the_map_says) {
  auto const steps = object.map<prog_array>("steps");
  BOOST_TEST(jump() == 1U);
  steps.insert_or_assign(1, object.program("ten"));
  BOOST_TEST(jump() == 10U);
  steps.insert_or_assign(1, bpfmap::program_fd(object.program("twenty").fd()));
  BOOST_TEST(jump() == 20U);
  BOOST_TEST(steps.erase(1));
  BOOST_TEST(jump() == 1U);
}

BOOST_AUTO_TEST_CASE(programs_go_in_and_their_ids_come_out) {
  auto const steps = object.map<prog_array>("steps");
  BOOST_TEST(!steps.find(1).has_value());
  BOOST_TEST(!steps.contains(1));
  BOOST_CHECK_THROW((void)steps.at(1), std::out_of_range);
  BOOST_TEST(!steps.erase(1));
  steps.insert_or_assign(1, object.program("ten"));
  steps.insert_or_assign(3, object.program("twenty"));
  BOOST_TEST(steps.at(1) == test::id_of(object.program("ten")));
  BOOST_TEST(steps.contains(3));
  // A walk gives the slots that hold something.
  std::map<std::uint32_t, std::uint32_t> seen;
  for (auto const& [index, id] : steps) seen.emplace(index, id);
  BOOST_TEST((seen == std::map<std::uint32_t, std::uint32_t>{{1, test::id_of(object.program("ten"))},
                                                             {3, test::id_of(object.program("twenty"))}}));
  std::vector<std::uint32_t> indices;
  for (std::uint32_t const index : steps.keys()) indices.push_back(index);
  BOOST_TEST((indices == std::vector<std::uint32_t>{1, 3}));
  BOOST_TEST(steps.erase(3));
  BOOST_TEST(!steps.erase(3));
}

BOOST_AUTO_TEST_CASE(an_index_out_of_range_is_absent_and_cannot_be_set) {
  auto const steps = object.map<prog_array>("steps");
  BOOST_TEST(!steps.find(4).has_value());
  BOOST_TEST(!steps.erase(4));
  auto const message = test::message_of([&] { steps.insert_or_assign(4, object.program("ten")); });
  BOOST_TEST(
      message ==
      "insert_or_assign on 'steps' (prog_array, key 4, value 4): Argument list too long [E2BIG]: the index is out "
      "of range: the map has 4 entries");
  std::error_code ec = bpfmap::make_error(EIO);
  BOOST_TEST((!steps.erase(4, ec) && !ec));
  BOOST_TEST((!steps.find(4, ec) && !ec));
}

BOOST_AUTO_TEST_CASE(what_is_no_fitting_program_is_refused_and_told_why) {
  auto const steps = object.map<prog_array>("steps");
  auto const type = test::message_of([&] { steps.insert_or_assign(0, object.program("of_another_type")); });
  BOOST_TEST(test::has(type, "[EINVAL]: this is no program, or not of the type"), type);
  auto const map = test::message_of([&] { steps.insert_or_assign(0, bpfmap::program_fd(steps.fd())); });
  BOOST_TEST(test::has(map, "[EINVAL]: this is no program"), map);
  auto const none = test::message_of([&] { steps.insert_or_assign(0, bpfmap::program()); });
  BOOST_TEST(test::has(none, "[EBADF]: the program is not loaded"), none);
  std::error_code ec;
  steps.insert_or_assign(0, bpfmap::program_fd(9999), ec);
  BOOST_TEST((ec == std::errc::bad_file_descriptor));
  BOOST_TEST(!steps.contains(0));
}

BOOST_AUTO_TEST_CASE(entries_last_as_long_as_a_user_of_the_map) {
  std::error_code ec;
  bpfmap::unique_fd const jumping = bpfmap::unique_fd::duplicate(object.program("jump").fd(), ec);
  auto const run = [&] {
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = packet.data();
    options.data_size_in = static_cast<std::uint32_t>(packet.size());
    BOOST_REQUIRE(bpf_prog_test_run_opts(jumping.get(), &options) == 0);
    return options.retval;
  };
  auto steps = object.map<prog_array>("steps");
  steps.insert_or_assign(1, object.program("ten"));
  // The map's programs stay loaded without their object; and the map without the object too.
  object = {};
  BOOST_TEST(run() == 10U);
  // A pin is a user.
  {
    test::private_bpffs const pins;
    BOOST_REQUIRE(pins.mounted());
    steps.pin(pins / "steps");
    steps = {};
    BOOST_TEST(run() == 10U);
    steps = prog_array::open_pinned(pins / "steps");
    steps.unpin(pins / "steps");
  }
  BOOST_TEST(run() == 10U);
  std::uint32_t const id = steps.id();
  // No user any more: the map is still there, for the program holds it, and is empty.
  steps = {};
  BOOST_TEST(test::eventually(run, 1U) == 1U);
  auto const emptied = prog_array::from_id(id);
  BOOST_TEST(!emptied.contains(1));
}

BOOST_AUTO_TEST_CASE(frozen_ones_are_read_and_jumped_through) {
  auto const steps = object.map<prog_array>("steps");
  steps.insert_or_assign(1, object.program("ten"));
  steps.freeze();
  BOOST_TEST(jump() == 10U);
  BOOST_TEST(steps.contains(1));
  auto const message = test::message_of([&] { steps.insert_or_assign(1, object.program("twenty")); });
  BOOST_TEST(test::has(message, "EPERM"), message);
  BOOST_CHECK_THROW(steps.erase(1), bpfmap::error);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(cgroup_arrays, programs, *ut::precondition(bpf_and_cgroups))

BOOST_AUTO_TEST_CASE(programs_see_which_cgroup_a_task_is_under) {
  auto const groups = object.map<cgroup_array>("groups");
  auto const runs_under = [&](std::uint64_t index) {
    return static_cast<int>(
        object.program("runs_under").run({.context = std::as_writable_bytes(std::span(&index, 1))}).return_value);
  };
  test::cgroup group;
  BOOST_TEST(runs_under(1) == -EAGAIN);  // nothing there
  groups.insert_or_assign(0, test::cgroup_root());
  groups.insert_or_assign(1, group.path());
  BOOST_TEST(runs_under(0) == 1);
  BOOST_TEST(runs_under(1) == 0);
  group.enter();
  BOOST_TEST(runs_under(1) == 1);
  BOOST_TEST(groups.erase(1));
  BOOST_TEST(runs_under(1) == -EAGAIN);
  BOOST_TEST(!groups.erase(1));
  BOOST_TEST(!groups.erase(2));
}

BOOST_AUTO_TEST_CASE(cgroups_go_in_by_descriptor_too) {
  auto const groups = cgroup_array::create({.name = "groups", .max_entries = 1});
  test::cgroup const group;
  groups.insert_or_assign(0, bpfmap::cgroup_fd(group.fd()));
  BOOST_TEST(groups.erase(0));
}

BOOST_AUTO_TEST_CASE(what_is_no_cgroup_is_refused_and_told_why) {
  auto const groups = cgroup_array::create({.name = "groups", .max_entries = 1});
  auto const other = test::message_of([&] { groups.insert_or_assign(0, "/tmp"); });
  BOOST_TEST(test::has(other, "[EBADF]: the descriptor was closed, or is not of a directory of a cgroup v2"), other);
  auto const missing = test::message_of([&] { groups.insert_or_assign(0, "/no/such/directory"); });
  BOOST_TEST(test::has(missing, "[ENOENT]: the directory is '/no/such/directory'"), missing);
  std::error_code ec;
  groups.insert_or_assign(0, "/proc/version", ec);
  BOOST_TEST((ec == std::errc::not_a_directory));
  groups.insert_or_assign(0, bpfmap::cgroup_fd(), ec);
  BOOST_TEST((ec == std::errc::bad_file_descriptor));
  test::cgroup const group;
  auto const index = test::message_of([&] { groups.insert_or_assign(1, group.path()); });
  BOOST_TEST(test::has(index, "the index is out of range: the map has 1 entries"), index);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(raw_perf_events, programs, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(programs_read_the_counter_at_their_cpus_index) {
  auto const clocks = object.map<bpfmap::perf_event_array<>>("clocks");
  auto const readings = object.map<bpfmap::array<std::uint64_t>>("readings");
  auto const read = [&] {
    return static_cast<int>(object.program("read_clock").run({.where = bpfmap::cpu{0}}).return_value);
  };
  bpfmap::unique_fd const clock = clock_of(0);
  BOOST_REQUIRE(static_cast<bool>(clock));
  BOOST_TEST(read() == -ENOENT);
  clocks.insert_or_assign(0, bpfmap::perf_event_fd(clock.get()));
  BOOST_TEST(read() == 0);
  std::uint64_t const first = readings.at(0);
  // The clock of some machines makes steps of milliseconds.
  auto const patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  do BOOST_TEST_REQUIRE(read() == 0);
  while (readings.at(0) == first && std::chrono::steady_clock::now() < patience);
  BOOST_TEST(readings.at(0) > first);
  BOOST_TEST(clocks.erase(0));
  BOOST_TEST(read() == -ENOENT);
  BOOST_TEST(!clocks.erase(0));
}

BOOST_AUTO_TEST_CASE(a_counter_goes_with_the_descriptor_that_it_came_in_by) {
  auto clocks = object.map<bpfmap::perf_event_array<>>("clocks");
  auto const id = clocks.id();
  auto const read = [&] {
    return static_cast<int>(object.program("read_clock").run({.where = bpfmap::cpu{0}}).return_value);
  };
  bpfmap::unique_fd const clock = clock_of(0);
  BOOST_REQUIRE(static_cast<bool>(clock));
  {
    // Another open file of the same map: duplicates would be the same.
    auto const other = bpfmap::perf_event_array<>::from_id(id);
    other.insert_or_assign(0, bpfmap::perf_event_fd(clock.get()));
    BOOST_TEST(read() == 0);
  }
  BOOST_TEST(test::eventually(read, -ENOENT) == -ENOENT);
}

BOOST_AUTO_TEST_CASE(what_is_no_counter_is_refused_and_told_why) {
  auto const clocks = object.map<bpfmap::perf_event_array<>>("clocks");
  auto const other = test::message_of([&] { clocks.insert_or_assign(0, bpfmap::perf_event_fd(clocks.fd())); });
  BOOST_TEST(test::has(other, "[EBADF]: the descriptor was closed, or is no perf event's"), other);
  bpfmap::unique_fd const inherited = clock_of(0, true);
  BOOST_REQUIRE(static_cast<bool>(inherited));
  auto const message = test::message_of([&] { clocks.insert_or_assign(0, bpfmap::perf_event_fd(inherited.get())); });
  BOOST_TEST(test::has(message, "[EOPNOTSUPP]: programs cannot read an event that children inherit"), message);
}

BOOST_AUTO_TEST_SUITE_END()
