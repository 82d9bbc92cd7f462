// SPDX-License-Identifier: MIT
// Types without keys: queue, stack and bloom_filter.
#include "../support/deny.hpp"
#include "../support/kernel.hpp"

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include <sys/time.h>

namespace ut = boost::unit_test;
using bpfmap::counting;

namespace {

struct job {
  std::uint64_t number;
  std::uint32_t kind;
  std::uint32_t flags;
};

template <class List>
List filled(std::uint32_t room, std::uint32_t count) {
  auto list = List::create({.name = "filled", .max_entries = room});
  for (std::uint32_t i = 0; i < count; ++i) BOOST_REQUIRE(list.push(i));
  return list;
}

template <class List>
std::vector<std::uint32_t> all_of(List const& list) {
  std::vector<std::uint32_t> all;
  list.drain([&](std::uint32_t each) { all.push_back(each); });
  return all;
}

using queue = bpfmap::queue<std::uint32_t>;
using stack = bpfmap::stack<std::uint32_t>;
using numbers = std::vector<std::uint32_t>;

}  // namespace

BOOST_AUTO_TEST_SUITE(queues, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(a_queue_gives_the_oldest_first) {
  auto const list = filled<queue>(4, 3);
  BOOST_TEST(list.peek().value() == 0U);
  BOOST_TEST(list.pop().value() == 0U);
  BOOST_TEST(list.pop().value() == 1U);
  BOOST_TEST(list.push(9));
  BOOST_TEST((all_of(list) == numbers{2, 9}));
}

// Signals end the verifier's work on the program that counts.
BOOST_AUTO_TEST_CASE(sizes_are_told_in_a_storm_of_signals, *ut::precondition(test::may_use_bpf)) {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = [](int) {};
  ignore.sa_flags = SA_RESTART;
  ::sigaction(SIGALRM, &ignore, &before);
  bool right = true;
  std::error_code ec;
  itimerval const often{{0, 20}, {0, 20}};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  for (int i = 0; i < 100 && right; ++i) {
    auto const list = queue::create({.name = "storm", .max_entries = 4}, ec);
    right = !ec && list.push(1, ec) && list.size(ec) == 1 && !ec;
  }
  itimerval const never{};
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
  BOOST_TEST(right, ec.message());
}

BOOST_AUTO_TEST_CASE(a_stack_gives_the_newest_first) {
  auto const list = filled<stack>(4, 3);
  BOOST_TEST(list.peek().value() == 2U);
  BOOST_TEST(list.pop().value() == 2U);
  BOOST_TEST(list.push(9));
  BOOST_TEST((all_of(list) == numbers{9, 1, 0}));
}

BOOST_AUTO_TEST_CASE(nothing_comes_out_of_an_empty_one) {
  auto const check = [](auto const& list) {
    BOOST_TEST(!list.pop().has_value());
    BOOST_TEST(!list.peek().has_value());
    BOOST_TEST(list.empty());
    BOOST_TEST(list.drain([](auto) {}) == 0U);
    std::error_code ec = bpfmap::make_error(EIO);
    BOOST_TEST((!list.pop(ec).has_value() && !ec));
    ec = bpfmap::make_error(EIO);
    BOOST_TEST((!list.peek(ec).has_value() && !ec));
    BOOST_TEST((list.empty(ec) && !ec));
  };
  check(filled<queue>(4, 0));
  check(filled<stack>(4, 0));
}

BOOST_AUTO_TEST_CASE(a_full_one_refuses_and_displaces_the_oldest_if_told_so) {
  auto const line = filled<queue>(3, 3);
  BOOST_TEST(!line.push(7));
  std::error_code ec = bpfmap::make_error(EIO);
  BOOST_TEST((!line.push(7, ec) && !ec));
  line.push(7, bpfmap::displacing);
  BOOST_TEST((all_of(line) == numbers{1, 2, 7}));
  line.push(8, bpfmap::displacing, ec);
  BOOST_TEST((!ec && line.peek().value() == 8U));

  auto const pile = filled<stack>(3, 3);
  BOOST_TEST(!pile.push(7));
  pile.push(7, bpfmap::displacing);
  BOOST_TEST((all_of(pile) == numbers{7, 2, 1}));
}

BOOST_AUTO_TEST_CASE(structs_are_values) {
  auto const jobs = bpfmap::queue<job>::create({.name = "jobs", .max_entries = 4});
  jobs.push({.number = 1ULL << 40, .kind = 2, .flags = 3});
  auto const next = jobs.pop();
  BOOST_TEST((next && next->number == 1ULL << 40 && next->kind == 2 && next->flags == 3));
}

BOOST_AUTO_TEST_CASE(drain_stops_where_it_is_told_to) {
  auto const list = filled<queue>(8, 8);
  BOOST_TEST(list.drain([](std::uint32_t each) { return each < 3; }) == 4U);
  BOOST_TEST(list.peek().value() == 4U);
  BOOST_CHECK_THROW(list.drain([](std::uint32_t) { throw 1; }), int);
  BOOST_TEST(list.peek().value() == 5U, "the one that was being looked at is gone, and no other");
}

BOOST_AUTO_TEST_CASE(drain_ends_although_others_push) {
  auto const list = filled<queue>(8, 8);
  BOOST_TEST(list.drain([&](std::uint32_t each) { list.push(each); }) == 8U);
  BOOST_TEST(list.size() == 8U);
}

BOOST_AUTO_TEST_CASE(size_is_exact_at_every_turn_of_the_ring) {
  auto const check = [](auto const& list) {
    for (std::uint32_t turn = 0; turn < 12; ++turn) {
      for (std::uint32_t i = 0; i < 5; ++i) {
        BOOST_REQUIRE(list.size() == i);
        list.push(i);
      }
      BOOST_REQUIRE(list.size() == 5U);
      list.push(5, bpfmap::displacing);
      BOOST_REQUIRE(list.size() == 5U);
      BOOST_TEST(list.drain([](auto) {}) == 5U);
      // One more place in the ring than elements: each turn begins elsewhere.
      list.push(0);
      list.push(1);
      BOOST_REQUIRE(list.size() == 2U);
      BOOST_TEST(list.drain([](auto) {}) == 2U);
    }
    BOOST_TEST(list.counted_by() == counting::kernel_field);
  };
  check(queue::create({.max_entries = 5}));
  check(stack::create({.max_entries = 5}));
}

BOOST_AUTO_TEST_CASE(size_without_the_kernels_counter_is_not_supported) {
  auto const list = filled<queue>(8, 3);
  test::deny_programs const no_programs;
  std::error_code ec;
  BOOST_TEST(list.size(ec) == 0U);
  BOOST_TEST((ec == std::errc::operation_not_supported));
  auto const loads = test::calls::program_load();
  auto const message = test::message_of([&] { (void)list.size(); });
  BOOST_TEST(test::has(message, "CAP_PERFMON"), message);
  BOOST_TEST(test::calls::program_load() == loads, "not asked again");
  BOOST_TEST(!list.empty());
}

BOOST_AUTO_TEST_CASE(size_of_a_ring_in_motion_is_never_out_of_range) {
  auto const list = filled<queue>(3, 3);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) {
      list.push(1, bpfmap::displacing);
      (void)list.pop();
      list.push(2, bpfmap::displacing);
    }
  });
  bool good = true;
  for (int i = 0; i < 20'000; ++i) {
    auto const size = list.size();
    good = good && size >= 2 && size <= 3;
  }
  stop = true;
  writer.join();
  BOOST_TEST(good);
}

BOOST_AUTO_TEST_CASE(a_queue_is_no_stack) {
  auto const list = filled<queue>(3, 0);
  auto const message = test::message_of([&] { (void)stack::from_fd(list.fd()); });
  BOOST_TEST(test::has(message, "type is queue, expected stack"), message);
}

BOOST_AUTO_TEST_CASE(a_read_only_descriptor_peeks_and_does_not_pop) {
  auto const list = queue::create({.name = "rdonly", .max_entries = 4, .flags = bpfmap::map_flags::rdonly});
  BOOST_TEST(!list.peek().has_value());
  BOOST_TEST(test::has(test::message_of([&] { (void)list.pop(); }), "pop on 'rdonly'"));
  BOOST_TEST(test::has(test::message_of([&] { list.push(1); }), "read-only"));
}

BOOST_AUTO_TEST_CASE(a_bloom_filter_never_forgets_and_seldom_errs, *ut::precondition(test::since{{5, 16}})) {
  auto const seen = bpfmap::bloom_filter<std::uint32_t>::create({.name = "seen", .max_entries = 1000});
  BOOST_TEST(!seen.might_contain(1));
  for (std::uint32_t i = 0; i < 1000; ++i) seen.insert(i);
  std::uint32_t found = 0;
  std::uint32_t mistaken = 0;
  std::error_code ec = bpfmap::make_error(EIO);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    found += seen.might_contain(i, ec) ? 1 : 0;
    mistaken += seen.might_contain(1'000'000 + i) ? 1 : 0;
  }
  BOOST_TEST(!ec);
  BOOST_TEST(found == 1000U);
  // At most one in thirty by design: 33 are expected, and as many as 100 would come once in very many runs.
  BOOST_TEST(mistaken < 100U);
  BOOST_TEST_MESSAGE(mistaken << " of 1000 were mistaken");
  seen.insert(5'000'000, ec);
  BOOST_TEST((!ec && seen.might_contain(5'000'000)));
}

BOOST_AUTO_TEST_CASE(a_bloom_filter_has_as_many_hash_functions_as_asked_for, *ut::precondition(test::since{{5, 16}})) {
  using filter = bpfmap::bloom_filter<std::uint64_t>;
  BOOST_TEST(filter::create({.max_entries = 10}).hash_functions() == 5U);
  auto const three = filter::create({.max_entries = 10, .hash_functions = 3});
  BOOST_TEST(three.hash_functions() == 3U);
  BOOST_TEST(three.info().map_extra == 3U);
  for (std::uint32_t const wrong : {0U, 16U, 1U << 20U}) {
    auto const message = test::message_of([&] { (void)filter::create({.max_entries = 10, .hash_functions = wrong}); });
    BOOST_TEST(test::has(message, "from 1 to 15 hash functions"), message);
  }
  std::error_code ec;
  BOOST_TEST(!filter::create({.max_entries = 0}, ec));
  BOOST_TEST((ec == std::errc::invalid_argument));
}

BOOST_AUTO_TEST_SUITE_END()
