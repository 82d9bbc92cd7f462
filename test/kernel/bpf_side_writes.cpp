// SPDX-License-Identifier: MIT
// What programs write by bpfmap.bpf.h, C++ reads.
#include "../../bpf/side.h"
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <memory>
#include <vector>

namespace ut = boost::unit_test;

namespace {

// Sums as wide as the members, so that C++ reads what programs have added to each.
using shared_map = bpfmap::hash<side_key, side_parts>;
using percpu_map = bpfmap::percpu_hash<side_key, side_parts>;

constexpr side_key default_key{1, 2};
constexpr bpfmap::kernel_version first_with_filters{5, 16};

struct writes {
  bpfmap::object object = bpfmap::object::open(test::object_path("side_writes"));
  bpfmap::cpu_set online;

  writes() {
    if (test::running_kernel() < first_with_filters) {
      object.program("side_push_to_filter").set_autoload(false);
      object.map("filter").set_autocreate(false);
    }
    object.load();
    std::error_code ec;
    online = bpfmap::online_cpus(ec);
  }

  /// Runs it on the first online CPU, or on another one, and gives what bpfmap.bpf.h returned.
  std::int64_t run(char const* name, std::size_t rank = 0) {
    test::run_on(object.program(name), online[rank], 1);
    return object.global<std::int64_t>("result");
  }
  template <class T>
  T& global(char const* name) {
    return object.global<T>(name);
  }
  int fd_of(char const* map) const { return bpf_map__fd(object.map(map).get()); }
};

// The parts that side_add_percpu has added `times` times.
void check_parts(side_parts const& parts, int times) {
  BOOST_TEST(parts.u64 == 5U * static_cast<unsigned>(times));
  BOOST_TEST(parts.s64 == -5 * times);
  BOOST_TEST(parts.u32 == 6U * static_cast<unsigned>(times));
  BOOST_TEST(parts.s32 == -6 * times);
  BOOST_TEST(parts.u16 == 7U * static_cast<unsigned>(times));
  BOOST_TEST(parts.s16 == -7 * times);
  BOOST_TEST(int{parts.u8} == 8 * times);
  BOOST_TEST(int{parts.s8} == -8 * times);
}

bool is_event(side_event const& event, std::uint64_t number, std::uint32_t cpu) {
  return event.number == number && event.cpu == cpu && event.check == 0xb9f;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bpf_side_writes, writes, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(additions_to_shared_maps_are_in_the_member_that_is_named, *ut::precondition(test::two_cpus)) {
  for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(run("side_add_shared", i % 2) == 0);
  side_parts const made = object.map<shared_map>("shared").at(default_key);
  BOOST_TEST(made.u64 == 15U);
  BOOST_TEST(made.s64 == -15);
  BOOST_TEST(made.u32 == 18U);
  BOOST_TEST(made.s32 == -18);
  BOOST_TEST(made.u16 == 0U);
  BOOST_TEST((object.map<bpfmap::lru_hash<side_key, side_parts>>("lru").at(default_key).u64) == 15U);
  side_parts const cell = object.map<bpfmap::array<side_parts>>("cells").at(1);
  BOOST_TEST(cell.u64 == 15U);
  BOOST_TEST(cell.s32 == -18);
  BOOST_TEST(object.map<bpfmap::array<side_parts>>("cells").at(0).u64 == 0U);
}

BOOST_AUTO_TEST_CASE(additions_to_percpu_maps_are_in_members_of_every_width, *ut::precondition(test::two_cpus)) {
  for (int i = 0; i < 2; ++i) BOOST_TEST(run("side_add_percpu", 0) == 0);
  BOOST_TEST(run("side_add_percpu", 1) == 0);
  check_parts(object.map<percpu_map>("percpu").at(default_key), 3);
  check_parts(object.map<bpfmap::percpu_array<side_parts>>("percpu_cells").at(1), 3);
  using slots_map = bpfmap::percpu_hash<side_key, side_parts, bpfmap::reduce::slots>;
  auto const slots = object.map<slots_map>("percpu").at(default_key);
  check_parts(slots[bpfmap::cpu{online[0]}], 2);
  check_parts(slots[bpfmap::cpu{online[1]}], 1);
}

BOOST_AUTO_TEST_CASE(a_full_hash_and_the_end_of_an_array_refuse_additions_with_e2big) {
  auto& key = global<side_key>("key");
  BOOST_TEST(run("side_add_shared") == 0);
  key = {2, 2};
  BOOST_TEST(run("side_add_shared") == 0);
  key = {3, 3};
  BOOST_TEST(run("side_add_shared") == -E2BIG);
  BOOST_TEST(object.map<shared_map>("shared").size() == 2U);
  // What is there is still counted.
  key = {2, 2};
  BOOST_TEST(run("side_add_shared") == 0);
  BOOST_TEST(object.map<shared_map>("shared").at({2, 2}).u64 == 10U);
  global<std::uint32_t>("place") = 3;
  BOOST_TEST(run("side_add_to_cell") == 0);
  global<std::uint32_t>("place") = 4;
  BOOST_TEST(run("side_add_to_cell") == -E2BIG);
}

BOOST_AUTO_TEST_CASE(arguments_are_evaluated_once) {
  BOOST_TEST(run("side_add_once") == 0);
  BOOST_TEST(global<std::uint64_t>("number") == 12U);  // one key further, and 1 counted up to 2
  BOOST_TEST(object.map<shared_map>("shared").at(default_key).u64 == 1U);
}

BOOST_AUTO_TEST_CASE(get_or_init_makes_a_copy_of_the_initial_value_and_later_finds_it) {
  BOOST_TEST(run("side_get_shared") == 0);
  BOOST_TEST(global<side_parts>("found").u64 == 101U);
  global<side_parts>("initial").u64 = 500;
  BOOST_TEST(run("side_get_shared") == 0);
  BOOST_TEST(global<side_parts>("found").u64 == 102U);
  BOOST_TEST(object.map<shared_map>("shared").at(default_key).u64 == 102U);
  // Full: there is nothing to point to.
  global<side_key>("key") = {2, 2};
  BOOST_TEST(run("side_get_shared") == 0);
  BOOST_TEST(global<side_parts>("found").u64 == 501U);
  global<side_key>("key") = {3, 3};
  BOOST_TEST(run("side_get_shared") == -1);
}

BOOST_AUTO_TEST_CASE(get_or_init_of_a_percpu_hash_sets_the_slot_of_the_cpu_that_makes_it,
                     *ut::precondition(test::two_cpus)) {
  BOOST_TEST(run("side_get_percpu", 0) == 0);
  BOOST_TEST(global<side_parts>("found").u64 == 101U);
  // The other CPU's slot is there then, and is zero.
  BOOST_TEST(run("side_get_percpu", 1) == 0);
  BOOST_TEST(global<side_parts>("found").u64 == 1U);
  BOOST_TEST(object.map<percpu_map>("percpu").at(default_key).u64 == 102U);
}

BOOST_AUTO_TEST_CASE(get_or_init_of_an_array_finds_what_is_always_there) {
  BOOST_TEST(run("side_get_cell") == 0);
  BOOST_TEST(global<side_parts>("found").u64 == 1U);
  global<std::uint32_t>("place") = 4;
  BOOST_TEST(run("side_get_cell") == -1);
}

BOOST_AUTO_TEST_CASE(push_fills_queues_and_stacks_until_they_are_full) {
  auto& number = global<std::uint64_t>("number");
  number = 1;
  BOOST_TEST(run("side_push") == 0);
  number = 2;
  BOOST_TEST(run("side_push") == 0);
  number = 3;
  BOOST_TEST(run("side_push") == -E2BIG);
  auto const queue = object.map<bpfmap::queue<side_event>>("queue");
  auto const stack = object.map<bpfmap::stack<side_event>>("stack");
  BOOST_TEST(is_event(queue.peek().value(), 1, online[0]));
  BOOST_TEST(is_event(stack.peek().value(), 2, online[0]));
  // BPF_EXIST drops the oldest.
  number = 4;
  BOOST_TEST(run("side_push_over_the_oldest") == 0);
  BOOST_TEST(is_event(queue.pop().value(), 2, online[0]));
  BOOST_TEST(is_event(queue.pop().value(), 4, online[0]));
  BOOST_TEST(!queue.pop().has_value());
  BOOST_TEST(is_event(stack.pop().value(), 4, online[0]));
}

BOOST_AUTO_TEST_CASE(push_puts_into_a_bloom_filter, *ut::precondition(test::since{first_with_filters})) {
  auto& number = global<std::uint64_t>("number");
  for (number = 1; number <= 3; ++number) BOOST_TEST(run("side_push_to_filter") == 0);
  auto const filter = object.map<bpfmap::bloom_filter<std::uint64_t>>("filter");
  for (std::uint64_t const each : {1U, 2U, 3U}) BOOST_TEST(filter.might_contain(each));
  // Of what was not pushed it nearly always says no.
  int strangers = 0;
  for (std::uint64_t each = 1000; each < 1100; ++each) strangers += filter.might_contain(each) ? 1 : 0;
  BOOST_TEST(strangers < 50);
}

BOOST_AUTO_TEST_CASE(emit_sends_whole_events_through_a_ring_buffer_until_it_is_full,
                     *ut::precondition(test::two_cpus)) {
  static std::vector<side_event> received;
  received.clear();
  auto const take = +[](void*, void* data, std::size_t size) {
    BOOST_TEST(size == sizeof(side_event));
    received.push_back(*static_cast<side_event const*>(data));
    return 0;
  };
  std::unique_ptr<ring_buffer, decltype(&ring_buffer__free)> const ring(
      ring_buffer__new(fd_of("ring"), take, nullptr, nullptr), &ring_buffer__free);
  BOOST_REQUIRE(!!ring);
  auto& number = global<std::uint64_t>("number");
  number = 11;
  BOOST_TEST(run("side_emit", 0) == 0);
  number = 12;
  BOOST_TEST(run("side_emit", 1) == 0);
  BOOST_TEST(ring_buffer__consume(ring.get()) == 2);
  BOOST_REQUIRE(received.size() == 2U);
  BOOST_TEST(is_event(received[0], 11, online[0]));
  BOOST_TEST(is_event(received[1], 12, online[1]));
  // An event takes 24 of the 4096 bytes.
  std::int64_t answer = 0;
  for (int i = 0; i < 4096 / 24 + 1 && answer == 0; ++i) answer = run("side_emit");
  BOOST_TEST(answer == -EAGAIN);
}

BOOST_AUTO_TEST_CASE(emit_perf_sends_whole_events_through_the_cpus_own_buffer, *ut::precondition(test::two_cpus)) {
  // Without a reader there is nowhere to send it to.
  BOOST_TEST(run("side_emit_perf") == -ENOENT);
  auto const events = object.map<bpfmap::perf_event_array<>>("perf");
  auto reader = bpfmap::perf_reader<side_event>::open(events, {});
  auto& number = global<std::uint64_t>("number");
  for (std::size_t const rank : {0U, 1U}) {
    number = 20 + rank;
    BOOST_TEST(run("side_emit_perf", rank) == 0);
  }
  std::size_t seen = 0;
  reader.consume([&](side_event const& event, bpfmap::cpu where) {
    std::size_t const rank = event.number - 20;
    BOOST_TEST(where.id == online[rank]);
    BOOST_TEST(is_event(event, 20 + rank, online[rank]));
    ++seen;
  });
  BOOST_TEST(seen == 2U);
}

BOOST_AUTO_TEST_CASE(an_inner_map_is_a_map_like_any_other) {
  BOOST_TEST(run("side_add_to_inner") == -1);  // entry 1 is empty
  global<std::uint32_t>("place") = 2;
  BOOST_TEST(run("side_add_to_inner") == 0);
  BOOST_TEST(run("side_add_to_inner") == 0);
  BOOST_TEST((object.map<bpfmap::hash<std::uint32_t, std::uint64_t>>("inner").at(3)) == 2U);
}

BOOST_AUTO_TEST_CASE(histograms_are_read_back_with_the_bounds_that_the_program_used,
                     *ut::precondition(test::two_cpus)) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  std::vector<std::uint64_t> numbers{0, 1, 2, 3, 4, 99, 100, 109, 110, 150, 199, 200, most - 1, most};
  for (int bit = 3; bit < 64; ++bit) {
    numbers.push_back((std::uint64_t{1} << bit) - 1);
    numbers.push_back(std::uint64_t{1} << bit);
  }
  auto const log2_counts = object.map<bpfmap::percpu_array<std::uint64_t>>("by_log2");
  auto const tens_counts = object.map<bpfmap::array<std::uint64_t>>("by_tens");
  auto const log2 = [&] { return bpfmap::histogram::log2(log2_counts.values()); };
  auto const linear = [&] { return bpfmap::histogram::linear(tens_counts.values(), 100, 10); };
  std::uint64_t wrong = 0;
  std::size_t rank = 0;
  for (std::uint64_t const number : numbers) {
    global<std::uint64_t>("number") = number;
    run("side_histograms", rank++ % 2);
    auto const by_log2 = log2().buckets().at(global<std::uint32_t>("log2_slot"));
    auto const by_tens = linear().buckets().at(global<std::uint32_t>("linear_slot"));
    if (number < by_log2.low || number > by_log2.high || number < by_tens.low || number > by_tens.high) ++wrong;
  }
  BOOST_TEST(wrong == 0U);
  // The slots that the program named are those that it counted in.
  for (auto const& made : {log2(), linear()}) {
    BOOST_TEST(made.count() == numbers.size());
    for (auto const& bucket : made.buckets()) {
      auto const inside = [&](std::uint64_t number) { return number >= bucket.low && number <= bucket.high; };
      BOOST_TEST(bucket.count == static_cast<std::uint64_t>(std::ranges::count_if(numbers, inside)));
    }
  }
  BOOST_TEST(log2().buckets().size() == 64U);
  BOOST_TEST(linear().buckets().size() == 12U);
}

BOOST_AUTO_TEST_CASE(quantiles_and_bars_come_from_what_programs_have_counted) {
  for (int i = 0; i < 99; ++i) {
    global<std::uint64_t>("number") = 1000;
    run("side_histograms");
  }
  global<std::uint64_t>("number") = 1'000'000;
  run("side_histograms");
  auto const by_log2 = object.map<bpfmap::percpu_array<std::uint64_t>>("by_log2");
  auto const made = bpfmap::histogram::log2(by_log2.values());
  BOOST_TEST(made.quantile(0.5) == 1023U);
  BOOST_TEST(made.quantile(0.99) == 1023U);
  BOOST_TEST(made.quantile(1) == 1'048'575U);
  BOOST_TEST(made.bars(10).starts_with("      512 - 1023 | 99 ##########\n"), made.bars(10));
  BOOST_TEST(made.bars(10).ends_with("524288 - 1048575 |  1 #\n"), made.bars(10));
}

BOOST_AUTO_TEST_SUITE_END()
