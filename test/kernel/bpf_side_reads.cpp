// SPDX-License-Identifier: MIT
// bpfmap.bpf.h reads per-CPU elements as C++ does: all CPUs' slots, on whichever CPU the program runs.
#include "../../bpf/side.h"
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace ut = boost::unit_test;

// Both compilers must see the same struct. What the BPF compiler sees is in `layout` of side_reads.bpf.c.
static_assert(sizeof(side_key) == 8 && offsetof(side_key, member) == 4);
static_assert(sizeof(side_parts) == 32 && offsetof(side_parts, s64) == 8 && offsetof(side_parts, u32) == 16 &&
              offsetof(side_parts, s32) == 20 && offsetof(side_parts, u16) == 24 && offsetof(side_parts, s16) == 26 &&
              offsetof(side_parts, u8) == 28 && offsetof(side_parts, s8) == 29);
static_assert(sizeof(side_view) == 48 && offsetof(side_view, in_order) == 32 && offsetof(side_view, cpu) == 44);
static_assert(sizeof(side_event) == 16 && offsetof(side_event, check) == 12);

namespace {

template <class Reducer>
using hits_map = bpfmap::percpu_hash<std::uint32_t, std::uint64_t, Reducer>;
template <class Reducer>
using parts_map = bpfmap::percpu_hash<side_key, side_parts, Reducer>;

constexpr std::uint32_t hit_key = 7;
constexpr side_key parts_key{1, 2};

struct reads {
  bpfmap::object object = test::loaded("side_reads");
  bpfmap::cpu_set online;

  reads() {
    std::error_code ec;
    online = bpfmap::online_cpus(ec);
  }

  void count(std::size_t rank, int times) { test::run_on(object.program("side_count"), online[rank], times); }

  side_view view(std::size_t rank, char const* name = "seen") {
    test::run_on(object.program("side_read"), online[rank], 1);
    return object.global<side_view>(name);
  }

  /// Slots of `parts`: these on the first possible CPUs, zeros on all others.
  void set_parts(std::vector<side_parts> const& slots) {
    std::error_code ec;
    bpfmap::per_cpu_values<side_parts> all(bpfmap::possible_cpus(ec));
    std::ranges::copy(slots, all.begin());
    object.map<parts_map<bpfmap::reduce::slots>>("parts").insert_or_assign(parts_key, all);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bpf_side_reads, reads, *ut::precondition(test::since{{5, 19}}))

BOOST_AUTO_TEST_CASE(both_sides_lay_their_structs_out_alike) {
  auto const& layout = object.global<side_layout const>("layout");
  BOOST_TEST(layout.key == sizeof(side_key));
  BOOST_TEST(layout.key_member == offsetof(side_key, member));
  BOOST_TEST(layout.parts == sizeof(side_parts));
  BOOST_TEST(layout.parts_s64 == offsetof(side_parts, s64));
  BOOST_TEST(layout.parts_u32 == offsetof(side_parts, u32));
  BOOST_TEST(layout.parts_s32 == offsetof(side_parts, s32));
  BOOST_TEST(layout.parts_u16 == offsetof(side_parts, u16));
  BOOST_TEST(layout.parts_s16 == offsetof(side_parts, s16));
  BOOST_TEST(layout.parts_u8 == offsetof(side_parts, u8));
  BOOST_TEST(layout.parts_s8 == offsetof(side_parts, s8));
  BOOST_TEST(layout.view == sizeof(side_view));
  BOOST_TEST(layout.view_in_order == offsetof(side_view, in_order));
  BOOST_TEST(layout.view_cpu == offsetof(side_view, cpu));
  BOOST_TEST(layout.event == sizeof(side_event));
  BOOST_TEST(layout.event_check == offsetof(side_event, check));
}

BOOST_AUTO_TEST_CASE(a_hundred_counts_of_two_cpus_are_a_hundred_on_either_and_a_plain_lookup_sees_a_part,
                     *ut::precondition(test::two_cpus)) {
  count(0, 60), count(1, 40);
  for (char const* const map : {"seen", "seen_lru", "seen_array"}) {
    BOOST_TEST_CONTEXT(map) {
      side_view const first = view(0, map);
      BOOST_TEST(first.cpu == online[0]);
      BOOST_TEST(first.sum == 100U);
      BOOST_TEST(first.naive == 60U);
      side_view const second = view(1, map);
      BOOST_TEST(second.cpu == online[1]);
      BOOST_TEST(second.sum == 100U);
      BOOST_TEST(second.naive == 40U);
    }
  }
  // And C++ says the same.
  BOOST_TEST(object.map<hits_map<bpfmap::reduce::sum>>("hits").at(hit_key) == 100U);
  BOOST_TEST((object.map<bpfmap::lru_percpu_hash<std::uint32_t, std::uint64_t>>("lru_hits").at(hit_key)) == 100U);
  BOOST_TEST(object.map<bpfmap::percpu_array<std::uint64_t>>("array_hits").at(hit_key) == 100U);
}

BOOST_AUTO_TEST_CASE(a_reducer_is_shown_every_possible_cpus_slot_in_order_of_ids, *ut::precondition(test::two_cpus)) {
  count(0, 60), count(1, 40);
  std::error_code ec;
  auto const possible = bpfmap::possible_cpus(ec);
  auto const slots = object.map<hits_map<bpfmap::reduce::slots>>("hits").at(hit_key);
  std::uint64_t expected = 0;
  for (std::uint64_t const slot : slots) expected = expected * 1000 + slot;
  BOOST_TEST(expected != 0U);
  for (std::size_t const rank : {0U, 1U}) {
    BOOST_TEST(view(rank).slots == possible.size());
    BOOST_TEST(view(rank).in_order == expected);
  }
}

BOOST_AUTO_TEST_CASE(min_and_max_leave_out_cpus_that_never_wrote_as_in_cpp, *ut::precondition(test::two_cpus)) {
  count(1, 40);
  for (std::size_t const rank : {0U, 1U}) {
    BOOST_TEST(view(rank).least == 40U);
    BOOST_TEST(view(rank).most == 40U);
  }
  count(0, 60);
  for (std::size_t const rank : {0U, 1U}) {
    BOOST_TEST(view(rank).least == 40U);
    BOOST_TEST(view(rank).most == 60U);
  }
  BOOST_TEST(object.map<hits_map<bpfmap::reduce::min>>("hits").at(hit_key) == 40U);
  BOOST_TEST(object.map<hits_map<bpfmap::reduce::max>>("hits").at(hit_key) == 60U);
}

BOOST_AUTO_TEST_CASE(an_absent_element_has_no_slots_and_reduces_to_0) {
  side_view const nothing = view(0);
  BOOST_TEST(nothing.slots == 0U);
  BOOST_TEST(nothing.naive == 0U);
  BOOST_TEST(nothing.sum == 0U);
  BOOST_TEST(nothing.least == 0U);
  BOOST_TEST(nothing.most == 0U);
  // An array has all its elements, and none beyond its end.
  std::error_code ec;
  BOOST_TEST(view(0, "seen_array").slots == bpfmap::possible_cpus(ec).size());
  BOOST_TEST(view(0, "seen_array").least == 0U);
  object.global<std::uint32_t>("wanted") = 16;
  BOOST_TEST(view(0, "seen_array").slots == 0U);
}

BOOST_AUTO_TEST_CASE(members_of_every_width_and_sign_are_summed_in_64_bits, *ut::precondition(test::two_cpus)) {
  side_parts const one{.u64 = 1ULL << 63,
                       .s64 = -5,
                       .u32 = 4'000'000'000,
                       .s32 = -2'000'000'000,
                       .u16 = 65'000,
                       .s16 = -32'000,
                       .u8 = 250,
                       .s8 = -128,
                       .unused = 0};
  side_parts const other{.u64 = 7,
                         .s64 = 3,
                         .u32 = 4'000'000'001,
                         .s32 = -2'000'000'001,
                         .u16 = 65'001,
                         .s16 = -32'001,
                         .u8 = 251,
                         .s8 = -127,
                         .unused = 0};
  set_parts({one, other});
  test::run_on(object.program("side_read_parts"), online[1], 1);

  auto const& sums = object.global<side_reduced>("sums");
  BOOST_TEST(sums.u64 == (1ULL << 63) + 7);
  BOOST_TEST(sums.s64 == -2);
  BOOST_TEST(sums.u32 == 8'000'000'001U);
  BOOST_TEST(sums.s32 == -4'000'000'001);
  BOOST_TEST(sums.u16 == 130'001U);
  BOOST_TEST(sums.s16 == -64'001);
  BOOST_TEST(sums.u8 == 501U);
  BOOST_TEST(sums.s8 == -255);

  auto const& least = object.global<side_reduced>("least");
  BOOST_TEST(least.u64 == 7U);
  BOOST_TEST(least.s64 == -5);
  BOOST_TEST(least.u32 == 4'000'000'000U);
  BOOST_TEST(least.s32 == -2'000'000'001);
  BOOST_TEST(least.u16 == 65'000U);
  BOOST_TEST(least.s16 == -32'001);
  BOOST_TEST(least.u8 == 250U);
  BOOST_TEST(least.s8 == -128);

  auto const& most = object.global<side_reduced>("most");
  BOOST_TEST(most.u64 == 1ULL << 63);
  BOOST_TEST(most.s64 == 3);
  BOOST_TEST(most.u32 == 4'000'000'001U);
  BOOST_TEST(most.s32 == -2'000'000'000);
  BOOST_TEST(most.u16 == 65'001U);
  BOOST_TEST(most.s16 == -32'000);
  BOOST_TEST(most.u8 == 251U);
  BOOST_TEST(most.s8 == -127);
}

BOOST_AUTO_TEST_CASE(a_slot_counts_if_any_byte_of_it_is_not_zero_as_in_cpp, *ut::precondition(test::two_cpus)) {
  side_parts one{};
  one.u64 = 5, one.s64 = -5;
  side_parts other{};
  other.unused = 1;  // the last two bytes of all
  set_parts({one, other});
  test::run_on(object.program("side_read_parts"), online[0], 1);
  auto const& least = object.global<side_reduced>("least");
  auto const& most = object.global<side_reduced>("most");
  BOOST_TEST(least.u64 == 0U);
  BOOST_TEST(least.s64 == -5);
  BOOST_TEST(most.u64 == 5U);
  BOOST_TEST(most.s64 == 0);
  auto const least_of_cpp = object.map<parts_map<bpfmap::reduce::min>>("parts").at(parts_key);
  auto const most_of_cpp = object.map<parts_map<bpfmap::reduce::max>>("parts").at(parts_key);
  BOOST_TEST(least_of_cpp.u64 == least.u64);
  BOOST_TEST(least_of_cpp.s64 == least.s64);
  BOOST_TEST(most_of_cpp.u64 == most.u64);
  BOOST_TEST(most_of_cpp.s64 == most.s64);
}

BOOST_AUTO_TEST_CASE(slots_of_any_number_of_bytes_are_looked_at_to_the_last_one, *ut::precondition(test::two_cpus)) {
  std::error_code ec;
  bpfmap::per_cpu_values<side_odd> slots(bpfmap::possible_cpus(ec));
  slots[bpfmap::cpu{online[0]}].numbers[0] = 200;
  slots[bpfmap::cpu{online[0]}].numbers[10] = 250;
  slots[bpfmap::cpu{online[1]}].numbers[10] = 255;  // its last byte alone says that it was written to
  object.map<bpfmap::percpu_array<side_odd, bpfmap::reduce::slots>>("odd_size").assign(0, slots);
  test::run_on(object.program("side_read_odd"), online[0], 1);
  BOOST_TEST(object.global<std::uint64_t>("odd_sum") == 505U);
  BOOST_TEST(object.global<std::uint64_t>("odd_least") == 0U);
  BOOST_TEST(object.global<std::uint64_t>("odd_most") == 255U);
}

BOOST_AUTO_TEST_CASE(a_reducer_may_ask_one_member_whether_another_counts, *ut::precondition(test::two_cpus)) {
  side_parts one{};
  one.u64 = 9, one.u8 = 1;
  set_parts({{}, one});
  test::run_on(object.program("side_reduce_parts"), online[0], 1);
  BOOST_TEST(object.global<std::uint64_t>("lowest_of_touched") == 9U);
  BOOST_TEST(object.global<std::uint32_t>("touched") == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
