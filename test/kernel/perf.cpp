// SPDX-License-Identifier: MIT
// Perf event arrays: sized by the machine, and no event missing without being counted.
#include "perf_sender.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

#include <poll.h>

namespace ut = boost::unit_test;
namespace sizing = bpfmap::sizing;
using bpfmap::perf_event_array;
using bpfmap::perf_reader;
using test::default_sender;
using test::reader_type;
using test::sender;
using namespace std::chrono_literals;

namespace {

std::uint32_t highest_possible() {
  std::error_code ec;
  return bpfmap::possible_cpus(ec).highest();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(perf_arrays, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(have_an_entry_for_every_possible_cpu_by_default) {
  BOOST_TEST(perf_event_array<>::create({.name = "events"}).max_size() == highest_possible() + 1);
  BOOST_TEST(perf_event_array<sizing::fixed<32>>::create({}).max_size() == 32U);
  BOOST_TEST(perf_event_array<sizing::at_most<1>>::create({}).max_size() == 1U);
  BOOST_TEST(perf_event_array<sizing::at_most<100000>>::create({}).max_size() == highest_possible() + 1);
  std::error_code ec;
  BOOST_TEST(perf_event_array<sizing::online_cpus>::create({}).max_size() == bpfmap::online_cpus(ec).highest() + 1);
}

BOOST_AUTO_TEST_CASE(of_an_object_that_names_no_size_get_the_default_at_load) {
  auto object = test::loaded("events");
  BOOST_TEST(object.map<perf_event_array<>>("events").max_size() == highest_possible() + 1);
}

BOOST_AUTO_TEST_CASE(of_32_entries_work_on_this_machine, *ut::precondition(test::two_cpus)) {
  sender<sizing::fixed<32>> run;
  BOOST_TEST(run.events.max_size() == 32U);
  BOOST_TEST(run.reader.cpu_count() == run.online.size());
  run.send(0, 3), run.send(1, 4);
  std::vector<std::uint32_t> cpus;
  BOOST_TEST(run.reader.consume([&](numbered_event const& event, bpfmap::cpu where) {
    BOOST_TEST(event.cpu == where.id);
    BOOST_TEST(event.check == 0xb9fU);
    cpus.push_back(event.cpu);
  }) == 7U);
  BOOST_TEST(std::ranges::count(cpus, run.online[0]) == 3);
  BOOST_TEST(std::ranges::count(cpus, run.online[1]) == 4);
}

BOOST_AUTO_TEST_CASE(too_small_for_an_online_cpu_are_refused, *ut::precondition(test::two_cpus)) {
  auto const message = test::message_of([] { (void)perf_event_array<sizing::fixed<1>>::create({.name = "tiny"}); });
  BOOST_TEST(test::has(message, "create on 'tiny' as perf_event_array"), message);
  BOOST_TEST(test::has(message, "the array has 1 entries, but CPU"), message);
  BOOST_TEST(test::has(message, "is online"), message);
  // The same for one that exists already.
  auto const partial = perf_event_array<sizing::at_most<1>>::create({.name = "partial"});
  auto const bound = test::message_of([&] { (void)perf_event_array<>::from_fd(partial.fd()); });
  BOOST_TEST(test::has(bound, "the array has 1 entries"), bound);
  std::error_code ec;
  BOOST_TEST(!perf_event_array<sizing::fixed<1>>::create({}, ec));
  BOOST_TEST((ec == std::errc::result_out_of_range));
}

BOOST_AUTO_TEST_CASE(that_may_be_partial_tell_which_cpus_they_leave_out, *ut::precondition(test::two_cpus)) {
  auto const partial = perf_event_array<sizing::at_most<1>>::create({});
  std::error_code ec;
  BOOST_TEST(partial.uncovered_cpus(ec).highest() == highest_possible());
  BOOST_TEST(!ec);
  BOOST_TEST(reader_type::open(partial).cpu_count() == 1U);
  BOOST_TEST(perf_event_array<>::create({}).uncovered_cpus(ec).empty());
}

BOOST_AUTO_TEST_CASE(take_their_size_from_the_policy_alone) {
  auto const message = test::message_of([] { (void)perf_event_array<>::create({.max_entries = 12345}); });
  BOOST_TEST(test::has(message, "leave max_entries 0"), message);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(perf_readers, *ut::precondition(test::two_cpus))

BOOST_AUTO_TEST_CASE(receive_or_count_each_of_10000_events_of_two_cpus) {
  default_sender run;
  std::set<std::uint64_t> numbers;
  auto const take = [&](numbered_event const& event) {
    BOOST_REQUIRE(event.check == 0xb9fU);
    BOOST_REQUIRE(numbers.insert(event.number).second);
  };
  for (int round = 0; round < 50; ++round) {
    run.send(0, 1, 100), run.send(1, 1, 100);
    run.reader.poll(1s, take);
  }
  run.reader.consume(take);
  BOOST_TEST(run.sent() == 10'000U);
  BOOST_TEST(numbers.size() + run.reader.lost() == 10'000U);
  BOOST_TEST(run.refused() == run.reader.lost());
  BOOST_TEST(run.reader.malformed() == 0U);
}

BOOST_AUTO_TEST_CASE(count_what_found_no_room_at_once_and_by_cpu, *ut::precondition(test::since{{6, 0}})) {
  // One page a CPU and nobody reads: most of 10,000 events must be lost, and none silently.
  default_sender run({.bytes_per_cpu = 1});
  run.send(0, 5, 1000), run.send(1, 5, 1000);
  BOOST_TEST(run.sent() == 10'000U);
  BOOST_TEST(run.reader.lost() > 5'000U);
  BOOST_TEST(run.reader.lost() == run.refused());
  BOOST_TEST(run.reader.lost(bpfmap::cpu{run.online[0]}) + run.reader.lost(bpfmap::cpu{run.online[1]}) ==
             run.reader.lost());
  std::uint64_t received = run.reader.consume([](numbered_event const&) {});
  BOOST_TEST(received + run.reader.lost() == 10'000U);
  // There is room again.
  run.send(0, 1, 10);
  BOOST_TEST(run.reader.consume([](numbered_event const&) {}) == 10U);
  BOOST_TEST(run.reader.lost() == run.refused());
}

BOOST_AUTO_TEST_CASE(read_records_that_the_rings_end_cuts_in_two) {
  default_sender run({.bytes_per_cpu = 1});
  std::uint64_t next = 0;
  for (int round = 0; round < 500; ++round) {
    run.send(0, 1, 7);
    run.reader.consume([&](numbered_event const& event) { BOOST_REQUIRE(event.number == next++); });
  }
  BOOST_TEST(next == 3500U);
  BOOST_TEST(run.reader.lost() == 0U);
}

BOOST_AUTO_TEST_CASE(go_on_behind_the_record_whose_callback_threw) {
  default_sender run;
  run.send(0, 1, 10);
  std::vector<std::uint64_t> seen;
  auto const throwing = [&](numbered_event const& event) {
    seen.push_back(event.number);
    if (event.number == 3) throw std::runtime_error("enough");
  };
  BOOST_CHECK_THROW(run.reader.consume(throwing), std::runtime_error);
  run.reader.consume([&](numbered_event const& event) { seen.push_back(event.number); });
  BOOST_TEST((seen == std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

BOOST_AUTO_TEST_CASE(do_not_wait_for_what_a_throwing_callback_left) {
  default_sender run;
  run.send(0, 1, 3);
  BOOST_CHECK_THROW(run.reader.poll(10s, [](numbered_event const&) { throw std::runtime_error("enough"); }),
                    std::runtime_error);
  // Without a limit: this would never end if the two that are left were not fetched at once.
  BOOST_TEST(run.reader.poll(-1ms, [](numbered_event const&) {}) == 2U);
}

BOOST_AUTO_TEST_CASE(stop_when_the_callback_says_so_and_keep_the_rest) {
  default_sender run;
  run.send(0, 1, 5), run.send(1, 1, 5);
  std::size_t calls = 0;
  BOOST_TEST(run.reader.consume([&](numbered_event const&) { return ++calls < 3; }) == 3U);
  BOOST_TEST(run.reader.consume([&](numbered_event const&) {}) == 7U);
}

BOOST_AUTO_TEST_CASE(give_a_range_of_what_is_there) {
  default_sender run;
  run.send(0, 1, 5), run.send(1, 1, 6);
  std::set<std::uint64_t> numbers;
  for (numbered_event const& event : run.reader.available()) numbers.insert(event.number);
  BOOST_TEST(numbers.size() == 11U);
  for ([[maybe_unused]] auto const& event : run.reader.available()) BOOST_ERROR("all were seen");
}

BOOST_AUTO_TEST_CASE(never_read_a_record_that_is_too_short_but_count_it) {
  default_sender run;
  run.object.global<std::uint32_t>("event_size") = 4;
  run.send(0, 1, 3);
  run.object.global<std::uint32_t>("event_size") = sizeof(numbered_event);
  run.send(0, 1, 2);
  std::error_code ec;
  BOOST_TEST(run.reader.consume([](numbered_event const& event) { BOOST_TEST(event.check == 0xb9fU); }, ec) == 2U);
  BOOST_TEST((ec == std::errc::bad_message));
  BOOST_TEST(run.reader.malformed() == 3U);
  run.object.global<std::uint32_t>("event_size") = 8;
  run.send(1, 1, 1);
  auto const message = test::message_of([&] { run.reader.poll(1s, [](numbered_event const&) {}); });
  BOOST_TEST(test::has(message, "too short"), message);
}

BOOST_AUTO_TEST_CASE(give_raw_bytes_in_place) {
  auto object = test::loaded("events");
  auto const events = object.map<perf_event_array<>>("events");
  auto reader = perf_reader<std::span<std::byte const>>::open(events);
  std::error_code ec;
  test::run_on(object.program("send"), bpfmap::online_cpus(ec)[0], 2);
  BOOST_TEST(reader.consume(
                 [](std::span<std::byte const> bytes) { BOOST_TEST(bytes.size() >= sizeof(numbered_event)); }) == 2U);
}

BOOST_AUTO_TEST_CASE(wake_who_waits_for_their_descriptor) {
  default_sender run;
  pollfd waiting{run.reader.fd(), POLLIN, 0};
  BOOST_TEST(::poll(&waiting, 1, 0) == 0);
  std::thread other([&] { run.send(1, 1, 1); });
  BOOST_TEST(::poll(&waiting, 1, 10'000) == 1);
  other.join();
  BOOST_TEST(run.reader.consume([](numbered_event const&) {}) == 1U);
  BOOST_TEST(run.reader.poll(0ms, [](numbered_event const&) {}) == 0U);
}

BOOST_AUTO_TEST_CASE(go_on_waiting_after_a_wake_up_for_what_was_consumed_already) {
  default_sender run;
  for (int round = 0; round < 20; ++round) {
    run.send(0, 1, 1);
    BOOST_TEST(run.reader.consume([](numbered_event const&) {}) == 1U);  // its wake-up is still to be seen
    run.send(1, 1, 1);
    BOOST_TEST(run.reader.poll(10s, [](numbered_event const&) {}) == 1U);
  }
}

BOOST_AUTO_TEST_CASE(fetch_what_caused_no_wake_up_when_the_time_is_over) {
  default_sender run({.wakeup_events = 1000});
  run.send(0, 1, 5);
  BOOST_TEST(run.reader.poll(1ms, [](numbered_event const&) {}) == 5U);
}

BOOST_AUTO_TEST_CASE(keep_every_event_across_a_resync) {
  default_sender run;
  std::set<std::uint64_t> numbers;
  auto const take = [&](numbered_event const& event) { numbers.insert(event.number); };
  run.send(0, 1, 5);
  BOOST_TEST(run.reader.resync(take) == 5U);
  run.send(0, 1, 5), run.send(1, 1, 5);
  run.reader.consume(take);
  BOOST_TEST(numbers.size() == 15U);
  BOOST_TEST(run.refused() == 0U);
}

BOOST_AUTO_TEST_CASE(leave_no_entry_and_no_descriptor_behind) {
  auto object = test::loaded("events");
  auto const events = object.map<perf_event_array<>>("events");
  object.global<std::uint64_t>("refused") = 0;
  test::no_leak const watch;
  {
    auto reader = reader_type::open(events);
    auto moved = std::move(reader);
    reader = reader_type::open(events);
    moved = std::move(reader);
  }
  std::error_code ec;
  test::run_on(object.program("send"), bpfmap::online_cpus(ec)[0], 1);
  BOOST_TEST(object.global<std::uint64_t>("refused") == 1U);
  BOOST_TEST(object.global<std::int64_t>("last_error") == -ENOENT);  // the program is told that nobody listens
}

BOOST_AUTO_TEST_CASE(refuse_options_that_make_no_sense) {
  auto const events = perf_event_array<>::create({});
  BOOST_CHECK_THROW((void)reader_type::open(events, {.bytes_per_cpu = 0}), bpfmap::error);
  BOOST_CHECK_THROW((void)reader_type::open(events, {.wakeup_events = 0}), bpfmap::error);
  BOOST_CHECK_THROW((void)reader_type::open(events, {.bytes_per_cpu = ~std::size_t{0}}), bpfmap::error);
  BOOST_CHECK_THROW((void)reader_type::open(perf_event_array<>{}), bpfmap::error);
}

BOOST_AUTO_TEST_SUITE_END()
