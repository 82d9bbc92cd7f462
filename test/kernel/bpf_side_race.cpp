// SPDX-License-Identifier: MIT
// bpfmap_add() of two CPUs at once loses nothing, not even while an element is being made.
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <atomic>
#include <barrier>
#include <chrono>
#include <thread>

#include <sched.h>

namespace ut = boost::unit_test;

namespace {

constexpr std::uint64_t runs_of_a_cpu = 10;
constexpr std::uint32_t made_keys = 50'000;

// A run's: of ten million altogether, or as many as slow CPUs can do.
std::uint32_t additions() { return test::cpus_are_emulated() ? 20'000 : 1'000'000; }

bool stay_on(std::uint32_t cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  return ::sched_setaffinity(0, sizeof one, &one) == 0;
}

struct race {
  bpfmap::object object = test::loaded("side_race");

  /// Runs the program on two CPUs at the same time, so often on each.
  void run(char const* name, std::uint32_t additions, std::uint64_t runs) {
    object.global<std::uint32_t>("additions") = additions;
    object.global<std::uint64_t>("arrived") = 0;
    std::error_code ec;
    auto const online = bpfmap::online_cpus(ec);
    auto const program = object.program(name);
    std::barrier ready(2);
    // On its CPU, each thread runs the program itself. Asked for another CPU, the kernel would interrupt that one, and
    // the thread there, with interrupts off for as long as the program runs.
    auto const work = [&](std::uint32_t cpu) {
      if (!stay_on(cpu)) ++failures;
      ready.arrive_and_wait();
      for (std::uint64_t i = 0; i < runs; ++i) {
        std::error_code failed;
        program.run({}, failed);
        if (failed) ++failures;
      }
    };
    auto const start = std::chrono::steady_clock::now();
    std::thread first(work, online[0]);
    std::thread second(work, online[1]);
    first.join();
    second.join();
    std::chrono::duration<double> const time = std::chrono::steady_clock::now() - start;
    BOOST_TEST_MESSAGE(name << ": " << time.count() << " s");
    BOOST_TEST(failures == 0);
    BOOST_TEST(object.global<std::uint64_t>("failed") == 0U);
  }

  std::atomic<int> failures{0};
};

template <class Map>
std::uint64_t total(Map const& map) {
  std::uint64_t sum = 0;
  for (auto const value : map.values()) sum += value;
  return sum;
}

/// Every addition of both CPUs is in the map.
template <class Map>
void counts_all(race& both, char const* map, char const* program) {
  both.run(program, additions(), runs_of_a_cpu);
  BOOST_TEST(total(both.object.map<Map>(map)) == 2 * runs_of_a_cpu * additions());
}

/// Every key has both CPUs' addition; which of them made the element does not matter.
template <class Map>
std::uint64_t lost_of(race& both, char const* map, char const* program) {
  both.run(program, made_keys, 1);
  auto const made = both.object.map<Map>(map);
  BOOST_TEST(made.size() == made_keys);
  return 2 * made_keys - total(made);
}

using shared_hash = bpfmap::hash<std::uint32_t, std::uint64_t>;
using percpu_hash = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;

// Two online CPUs, and bpf_loop.
boost::test_tools::assertion_result can_race(ut::test_unit_id unit) {
  auto allowed = test::since{{5, 17}}(unit);
  return allowed ? test::two_cpus(unit) : allowed;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bpf_side_race, race, *ut::precondition(can_race))

BOOST_AUTO_TEST_CASE(of_two_cpus_in_a_shared_hash_counts_all) {
  counts_all<shared_hash>(*this, "shared_hash", "side_shared_hash");
}
BOOST_AUTO_TEST_CASE(of_two_cpus_in_a_shared_array_counts_all) {
  counts_all<bpfmap::array<std::uint64_t>>(*this, "shared_array", "side_shared_array");
}
BOOST_AUTO_TEST_CASE(of_two_cpus_in_a_percpu_hash_counts_all) {
  counts_all<percpu_hash>(*this, "percpu_hash", "side_percpu_hash");
}
BOOST_AUTO_TEST_CASE(of_two_cpus_in_a_percpu_array_counts_all) {
  counts_all<bpfmap::percpu_array<std::uint64_t>>(*this, "percpu_array", "side_percpu_array");
}

BOOST_AUTO_TEST_CASE(of_two_cpus_for_the_same_absent_element_loses_neither) {
  BOOST_TEST(lost_of<shared_hash>(*this, "made_hash", "side_made_hash") == 0U);
  BOOST_TEST(lost_of<shared_hash>(*this, "made_sparse_hash", "side_made_sparse_hash") == 0U);
  BOOST_TEST(lost_of<percpu_hash>(*this, "made_percpu_hash", "side_made_percpu_hash") == 0U);
}

// Without this, no test would know that the CPUs do race.
BOOST_AUTO_TEST_CASE(of_two_cpus_loses_what_is_added_by_an_update_after_a_lookup, *ut::precondition(test::real_cpus)) {
  std::uint64_t const lost = lost_of<shared_hash>(*this, "made_naively", "side_made_naively");
  BOOST_TEST_MESSAGE(lost << " of " << 2 * made_keys << " additions are lost");
  BOOST_TEST(lost > 0U);
}

BOOST_AUTO_TEST_SUITE_END()
