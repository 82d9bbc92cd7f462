// SPDX-License-Identifier: MIT
// core/stripes.hpp: where the slots of a striped array lie, on machines of many shapes; and reducers that take slots
// one by one, against what they make of them together.

#include <bpfmap/core/reduce.hpp>
#include <bpfmap/core/stripes.hpp>

#include "print.hpp"
#include "slots.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>

namespace {

using namespace bpfmap;
using detail::slots_of_whole_lines;
using detail::stripe_layout;

static_assert(slots_of_whole_lines(1) == 8 && slots_of_whole_lines(8) == 8 && slots_of_whole_lines(9) == 4);
static_assert(slots_of_whole_lines(24) == 8 && slots_of_whole_lines(32) == 2 && slots_of_whole_lines(64) == 1);
static_assert(slots_of_whole_lines(128) == 1 && slots_of_whole_lines(40) == 8);

constexpr std::uint32_t elements_of(std::uint32_t entries, std::size_t bytes, std::uint32_t stripes) {
  int failed = 0;
  return static_cast<std::uint32_t>(stripe_layout::of_entries(entries, bytes, stripes, failed).elements());
}
static_assert(elements_of(1, 8, 2) == 9 && elements_of(8, 8, 2) == 16 && elements_of(9, 8, 2) == 25);
static_assert(elements_of(5, 64, 3) == 15 && elements_of(1, 8, 1) == 1);

int failure_of(std::uint32_t entries, std::size_t bytes, std::uint32_t stripes) {
  int failed = 0;
  (void)stripe_layout::of_entries(entries, bytes, stripes, failed);
  return failed;
}
int failure_to_find(std::uint32_t elements, std::size_t bytes, std::uint32_t stripes) {
  int failed = 0;
  (void)stripe_layout::of_elements(elements, bytes, stripes, failed);
  return failed;
}

// ---- reducers, slot by slot ----

struct counters {
  std::uint64_t packets;
  std::int32_t change;
  std::uint8_t flags[3];
};

template <class Reducer, class Slot>
void accumulates_what_it_reduces_to() {
  static_assert(accumulating_reducer<Reducer, Slot>);
  std::mt19937_64 random(42);
  test::slots<Slot> const slots("0-3,8");
  for (int round = 0; round < 500; ++round) {
    reduced_t<Reducer, Slot> one_by_one{};
    for (Slot& slot : slots.view()) {
      std::array<std::byte, sizeof(Slot)> bytes{};
      // Many zeros, ones and limits: what reducers treat in their own way.
      std::uint64_t const kind = random() % 4;
      for (std::byte& each : bytes) each = static_cast<std::byte>(kind == 0 ? 0 : kind == 1 ? 0xff : random());
      if constexpr (std::is_same_v<Slot, bool>) bytes[0] &= std::byte{1};
      if constexpr (std::is_floating_point_v<Slot>) {
        Slot const number = static_cast<Slot>(static_cast<std::int64_t>(random() % 2001) - 1000);
        std::memcpy(bytes.data(), &number, sizeof number);
      }
      std::memcpy(static_cast<void*>(&slot), bytes.data(), sizeof slot);
      Reducer{}.accumulate(one_by_one, slot);
    }
    auto const together = Reducer{}(per_cpu_view<Slot const>(slots.view()));
    if constexpr (std::is_arithmetic_v<decltype(together)>) {
      BOOST_TEST(one_by_one == together);
    } else {
      BOOST_TEST(one_by_one.packets == together.packets);
      BOOST_TEST(one_by_one.change == together.change);
      for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(int{one_by_one.flags[i]} == int{together.flags[i]});
    }
  }
}

template <class Reducer, class... Slot>
void accumulate_what_they_reduce_to() {
  (accumulates_what_it_reduces_to<Reducer, Slot>(), ...);
}

// Zero would mean two things at once to these.
static_assert(!accumulating_reducer<reduce::bit_and, std::uint64_t> && !accumulating_reducer<reduce::min, double>);
static_assert(!accumulating_reducer<reduce::max, counters> && !accumulating_reducer<reduce::mean, std::uint64_t>);
static_assert(!accumulating_reducer<reduce::min_if<reduce::every_slot>, std::uint64_t>);
static_assert(!accumulating_reducer<reduce::slots, std::uint64_t>);

}  // namespace

BOOST_AUTO_TEST_SUITE(stripes_hpp)

BOOST_AUTO_TEST_CASE(the_number_of_elements_tells_the_number_of_indices) {
  for (std::size_t const bytes : {1U, 4U, 8U, 11U, 16U, 24U, 32U, 40U, 64U, 72U, 4096U}) {
    for (std::uint32_t const stripes : {1U, 2U, 3U, 9U, 64U, 8192U}) {
      for (std::uint32_t entries = 1; entries < 100; ++entries) {
        int failed = -1;
        auto const found = stripe_layout::of_elements(elements_of(entries, bytes, stripes), bytes, stripes, failed);
        BOOST_TEST(failed == 0);
        BOOST_TEST(found.entries == entries);
        BOOST_TEST(found.stripes == stripes);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_number_of_elements_that_no_layout_has_is_none) {
  for (std::size_t const bytes : {8U, 16U, 24U, 64U}) {
    for (std::uint32_t const stripes : {1U, 2U, 3U, 9U}) {
      std::unordered_set<std::uint32_t> possible;
      for (std::uint32_t entries = 1; entries < 600; ++entries) possible.insert(elements_of(entries, bytes, stripes));
      for (std::uint32_t elements = 0; elements < 500; ++elements) {
        BOOST_TEST(failure_to_find(elements, bytes, stripes) == (possible.contains(elements) ? 0 : EINVAL));
      }
    }
  }
  BOOST_TEST(failure_to_find(16, 8, 0) == EINVAL);
  BOOST_TEST(stripe_layout::no_such_layout(17, 4) ==
             "max_entries is 17, which no striped array of this machine's 4 CPU ids has: let object::load() or "
             "fit_to_machine() size it");
}

BOOST_AUTO_TEST_CASE(no_two_cpus_share_a_cache_line) {
  for (std::size_t const bytes : {1U, 8U, 11U, 24U, 40U, 64U, 72U}) {
    for (std::uint32_t const entries : {1U, 7U, 8U, 9U, 1000U}) {
      int failed = -1;
      auto const layout = stripe_layout::of_entries(entries, bytes, 4, failed);
      BOOST_TEST(failed == 0);
      BOOST_TEST(layout.stride * detail::round_up(bytes, 8) % 64 == 0U);
      BOOST_TEST(layout.stride >= entries);
      BOOST_TEST(layout.stride < entries + 8);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_no_array_can_hold_is_refused) {
  constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
  BOOST_TEST(failure_of(0, 8, 4) == EINVAL);
  BOOST_TEST(failure_of(1, 8, 0) == EINVAL);
  BOOST_TEST(failure_of(1U << 30, 8, 1) == 0);
  BOOST_TEST(failure_of(1U << 30, 8, 2) == E2BIG);
  BOOST_TEST(failure_of(most, 8, 1) == E2BIG);
  BOOST_TEST(failure_of(most, 64, 8192) == E2BIG);
  BOOST_TEST(failure_to_find(most, 8, 8192) == EINVAL);
}

BOOST_AUTO_TEST_CASE(slots_taken_one_by_one_are_what_they_are_together) {
  using std::int8_t, std::int16_t, std::int64_t, std::uint8_t, std::uint32_t, std::uint64_t;
  accumulate_what_they_reduce_to<reduce::sum, bool, uint8_t, int8_t, int16_t, uint32_t, int64_t, uint64_t, double,
                                 counters>();
  accumulate_what_they_reduce_to<reduce::min, bool, uint8_t, int8_t, uint32_t, int64_t, uint64_t>();
  accumulate_what_they_reduce_to<reduce::max, bool, uint8_t, int8_t, uint32_t, int64_t, uint64_t>();
  accumulate_what_they_reduce_to<reduce::bit_or, bool, uint8_t, int8_t, uint32_t, int64_t, uint64_t>();
}

BOOST_AUTO_TEST_SUITE_END()
