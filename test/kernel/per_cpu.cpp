// SPDX-License-Identifier: MIT
// Per-CPU maps give reduced values, whichever way they are read, and what is written reads back.
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <array>
#include <cstring>

namespace ut = boost::unit_test;

namespace {

constexpr std::uint64_t on_first = 60;
constexpr std::uint64_t on_second = 40;

// 60 runs on the first online CPU and 40 on the second, as single slots and as totals.
struct counted {
  bpfmap::object object = test::loaded("counters");
  bpfmap::cpu_set online;

  counted() {
    std::error_code ec;
    online = bpfmap::online_cpus(ec);
    auto const program = object.program("count");
    test::run_on(program, online[0], on_first);
    test::run_on(program, online[1], on_second);
  }
};

using hits_map = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;
using lru_hits_map = bpfmap::lru_percpu_hash<std::uint32_t, std::uint64_t>;
using array_hits_map = bpfmap::percpu_array<std::uint64_t>;

template <class Map>
void every_way_of_reading_gives(Map const& map, typename Map::key_type key, std::uint64_t total) {
  BOOST_TEST(map.at(key) == total);
  BOOST_TEST(map.find(key).value() == total);
  std::error_code ec;
  BOOST_TEST(map.at(key, ec) == total);
  std::uint64_t by_entries = 0;
  for (auto const& [k, v] : map) {
    if (k == key) by_entries += v;
  }
  BOOST_TEST(by_entries == total);
  std::uint64_t by_values = 0;
  for (std::uint64_t const v : map.values()) by_values += v;
  BOOST_TEST(by_values == total);
  std::uint64_t by_callback = 0;
  map.for_each([&](auto, std::uint64_t v) { by_callback += v; });
  BOOST_TEST(by_callback == total);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(per_cpu)

BOOST_AUTO_TEST_CASE(runs_on_two_cpus_add_up_to_100_however_they_are_read, *ut::precondition(test::two_cpus)) {
  counted const run;
  every_way_of_reading_gives(run.object.map<hits_map>("hits"), 7, 100);
  every_way_of_reading_gives(run.object.map<lru_hits_map>("lru_hits"), 7, 100);
  every_way_of_reading_gives(run.object.map<array_hits_map>("array_hits"), 0, 100);
}

BOOST_AUTO_TEST_CASE(the_slots_reducer_shows_what_each_cpu_has_counted, *ut::precondition(test::two_cpus)) {
  counted const run;
  using slots_map = bpfmap::percpu_hash<std::uint32_t, std::uint64_t, bpfmap::reduce::slots>;
  auto const values = run.object.map<slots_map>("hits").at(7);
  BOOST_TEST(values[bpfmap::cpu{run.online[0]}] == on_first);
  BOOST_TEST(values[bpfmap::cpu{run.online[1]}] == on_second);
}

BOOST_AUTO_TEST_CASE(other_reducers_read_the_same_slots, *ut::precondition(test::two_cpus)) {
  counted const run;
  auto const with = [&]<class Reducer>(Reducer) {
    return run.object.map<bpfmap::percpu_hash<std::uint32_t, std::uint64_t, Reducer>>("hits").at(7);
  };
  BOOST_TEST(with(bpfmap::reduce::min{}) == on_second);
  BOOST_TEST(with(bpfmap::reduce::max{}) == on_first);
  BOOST_TEST(with(bpfmap::reduce::mean{}) == 50U);
  BOOST_TEST(with(bpfmap::reduce::bit_or{}) == (on_first | on_second));
  BOOST_TEST(with(bpfmap::reduce::bit_and{}) == (on_first & on_second));
}

BOOST_AUTO_TEST_CASE(a_cpu_that_never_ran_does_not_pull_the_minimum_to_zero, *ut::precondition(test::two_cpus)) {
  auto object = test::loaded("counters");
  std::error_code ec;
  test::run_on(object.program("count"), bpfmap::online_cpus(ec)[1], 5);
  using touched_map = bpfmap::percpu_hash<std::uint32_t, std::uint64_t, bpfmap::reduce::min>;
  using every_map =
      bpfmap::percpu_hash<std::uint32_t, std::uint64_t, bpfmap::reduce::min_if<bpfmap::reduce::every_slot>>;
  BOOST_TEST(object.map<touched_map>("hits").at(7) == 5U);
  BOOST_TEST(object.map<every_map>("hits").at(7) == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_inserted_before_is_counted_on_by_programs, *ut::precondition(test::two_cpus)) {
  auto object = test::loaded("counters");
  auto const hits = object.map<hits_map>("hits");
  hits.insert_or_assign(7, 1000);
  std::error_code ec;
  auto const online = bpfmap::online_cpus(ec);
  test::run_on(object.program("count"), online[0], 3);
  test::run_on(object.program("count"), online[1], 4);
  BOOST_TEST(hits.at(7) == 1007U);
}

BOOST_AUTO_TEST_CASE(what_is_extracted_is_reduced_and_gone, *ut::precondition(test::since{{5, 14}})) {
  auto object = test::loaded("counters");
  auto const hits = object.map<hits_map>("hits");
  hits.insert_or_assign(7, 1000);
  BOOST_TEST(hits.extract(7).value() == 1000U);
  BOOST_TEST(!hits.contains(7));
}

BOOST_AUTO_TEST_SUITE_END()
