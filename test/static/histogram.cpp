// SPDX-License-Identifier: MIT
// core/histogram.hpp: what the slots that a BPF program fills mean, quantiles, and bars.

#include <bpfmap/core/histogram.hpp>

#include "print.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <list>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using bpfmap::histogram;

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

static_assert(std::is_nothrow_default_constructible_v<histogram> && std::is_nothrow_move_constructible_v<histogram> &&
              std::is_copy_constructible_v<histogram>);
static_assert(requires(histogram const& made) {
  { made.count() } noexcept;
  { made.buckets() } noexcept;
  { made.quantile(0.5) } noexcept;
});

template <class Counts>
concept counts = requires(Counts c) { histogram::log2(c); };
static_assert(counts<std::vector<std::uint64_t>> && counts<std::list<int>> && counts<std::uint32_t (&)[64]>);
static_assert(!counts<std::vector<double>> && !counts<std::vector<std::string>> && !counts<int>);

/// Every bucket begins where the one before it ends.
bool has_no_gap(histogram const& made) {
  auto const& buckets = made.buckets();
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    if (buckets[i].low > buckets[i].high || (i > 0 && buckets[i].low != buckets[i - 1].high + 1)) return false;
  }
  return true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(histogram_hpp)

BOOST_AUTO_TEST_CASE(slots_of_log2_double_in_width_and_cover_all_numbers) {
  std::array<std::uint64_t, 64> slots{};
  std::iota(slots.begin(), slots.end(), 1U);
  histogram const made = histogram::log2(slots);
  BOOST_TEST(made.buckets().size() == 64U);
  BOOST_TEST((made.buckets()[0] == histogram::bucket{0, 0, 1}));
  BOOST_TEST((made.buckets()[1] == histogram::bucket{1, 1, 2}));
  BOOST_TEST((made.buckets()[2] == histogram::bucket{2, 3, 3}));
  BOOST_TEST((made.buckets()[11] == histogram::bucket{1024, 2047, 12}));
  BOOST_TEST((made.buckets()[63] == histogram::bucket{std::uint64_t{1} << 62, most, 64}));
  BOOST_TEST(has_no_gap(made));
  BOOST_TEST(made.count() == 64U * 65U / 2U);
}

BOOST_AUTO_TEST_CASE(slots_of_log2_that_are_missing_are_left_out_and_those_too_many_ignored) {
  BOOST_TEST(histogram::log2(std::vector<int>{1, 2}).buckets().size() == 2U);
  BOOST_TEST(histogram::log2(std::vector<int>(100, 1)).count() == 64U);
  BOOST_TEST(histogram::log2(std::vector<int>{}).buckets().empty());
}

BOOST_AUTO_TEST_CASE(linear_slots_have_a_width_and_an_open_end_on_both_sides) {
  histogram const made = histogram::linear(std::vector<int>{1, 2, 3, 4}, 100, 10);
  BOOST_TEST(made.buckets().size() == 4U);
  BOOST_TEST((made.buckets()[0] == histogram::bucket{0, 99, 1}));
  BOOST_TEST((made.buckets()[1] == histogram::bucket{100, 109, 2}));
  BOOST_TEST((made.buckets()[2] == histogram::bucket{110, 119, 3}));
  BOOST_TEST((made.buckets()[3] == histogram::bucket{120, most, 4}));
  BOOST_TEST(has_no_gap(made));
}

BOOST_AUTO_TEST_CASE(nothing_is_below_zero) {
  histogram const made = histogram::linear(std::vector<int>{0, 2, 3}, 0, 5);
  BOOST_TEST(made.buckets().size() == 2U);
  BOOST_TEST((made.buckets()[0] == histogram::bucket{0, 4, 2}));
  BOOST_TEST((made.buckets()[1] == histogram::bucket{5, most, 3}));
}

BOOST_AUTO_TEST_CASE(no_count_of_a_linear_slot_is_lost_where_its_bounds_wrap_around) {
  // Each of the sizes at which the next bound is 0, or is passed by.
  for (std::uint64_t const width : {std::uint64_t{1} << 63, (std::uint64_t{1} << 63) + 1, most / 3 + 1, most}) {
    for (std::uint64_t const low : {std::uint64_t{0}, std::uint64_t{1}, width, most}) {
      histogram const made = histogram::linear(std::vector<int>{1, 2, 4, 8, 16, 32, 64}, low, width);
      BOOST_TEST(made.count() == 127U, "width " << width << ", from " << low);
      BOOST_TEST(has_no_gap(made));
      BOOST_TEST(made.buckets().back().high == most);
    }
  }
  histogram const made = histogram::linear(std::vector<int>{1, 2, 4}, std::uint64_t{1} << 63, std::uint64_t{1} << 63);
  BOOST_TEST((made.buckets()[1] == histogram::bucket{std::uint64_t{1} << 63, most, 6}));
}

BOOST_AUTO_TEST_CASE(what_a_program_counted_below_zero_is_not_lost) {
  histogram const made = histogram::linear(std::vector<int>{7, 2, 3}, 0, 5);
  BOOST_TEST((made.buckets()[0] == histogram::bucket{0, 4, 9}));
}

// The functions that choose the slot, as those tools' programs have them.
unsigned slot_of_log2l(std::uint64_t value) {
  return value == 0 ? 0 : 63U - static_cast<unsigned>(__builtin_clzll(value));
}
unsigned slot_of_bpf_log2l(std::uint64_t value) { return slot_of_log2l(value) + 1; }
unsigned slot_of_bpfmap(std::uint64_t value) { return value == 0 ? 0 : std::min(slot_of_log2l(value) + 1, 63U); }

BOOST_AUTO_TEST_CASE(every_number_lies_in_the_bucket_of_the_slot_that_the_tool_counts_it_in) {
  struct {
    histogram::log2_rule rule;
    unsigned (*slot)(std::uint64_t);
    std::size_t slots;
  } const tools[] = {{histogram::bpfmap_slots, slot_of_bpfmap, 64},
                     {histogram::bcc_slots, slot_of_log2l, 64},
                     {histogram::libbpf_tools_slots, slot_of_log2l, 64},
                     {histogram::bpf_log2l_slots, slot_of_bpf_log2l, 65}};
  for (auto const& [rule, slot, slots] : tools) {
    for (unsigned shift = 0; shift < 64; ++shift) {
      for (std::uint64_t const around : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}}) {
        std::uint64_t const value = (std::uint64_t{1} << shift) - 1 + around;
        std::vector<unsigned> counts(slots);
        counts[slot(value)] = 1;
        histogram const made = histogram::log2(counts, rule);
        for (auto const& bucket : made.buckets()) {
          bool const lies_in = bucket.low <= value && value <= bucket.high;
          BOOST_TEST(lies_in == (bucket.count == 1), "rule " << rule << ", value " << value);
        }
        BOOST_TEST(has_no_gap(made));
        BOOST_TEST(made.buckets().back().high == most);
        BOOST_TEST(made.buckets().front().low == 0U);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(slots_of_other_tools_have_those_tools_bounds_in_quantiles_and_bars) {
  unsigned slots[27] = {};
  slots[5] = 100;  // 32 to 63, by print_log2_hist()
  histogram const made = histogram::log2(slots, histogram::bcc_slots);
  BOOST_TEST(made.quantile(0.5) == 63U);
  BOOST_TEST(made.bars(10) == "32 - 63 | 100 ##########\n");
  BOOST_TEST((made.buckets()[0] == histogram::bucket{0, 1, 0}));
  BOOST_TEST((made.buckets()[26] == histogram::bucket{1U << 26, (1U << 27) - 1, 0}));
  BOOST_TEST(histogram::log2(slots, histogram::bpf_log2l_slots).bars(10) == "16 - 31 | 100 ##########\n");
  slots[26] = 900;  // all that is larger, too: libbpf-tools count it in their last slot
  histogram const clamped = histogram::log2(slots, histogram::libbpf_tools_slots);
  BOOST_TEST((clamped.buckets()[26] == histogram::bucket{1U << 26, most, 900}));
  BOOST_TEST((clamped.buckets()[25] == histogram::bucket{1U << 25, (1U << 26) - 1, 0}));
}

BOOST_AUTO_TEST_CASE(slots_may_have_bounds_of_ones_own) {
  std::vector<unsigned> const lows{0, 1000, 5000, 60'000};
  histogram const made = histogram::bounded(std::list<int>{1, 2, 3, 4}, lows);
  std::vector<histogram::bucket> const wanted{{0, 999, 1}, {1000, 4999, 2}, {5000, 59'999, 3}, {60'000, most, 4}};
  BOOST_TEST((made.buckets() == wanted));
  BOOST_TEST(made.quantile(0.6) == 59'999U);
  BOOST_TEST(made.bars(4) ==
             "       0 - 999 | 1 #\n"
             "   1000 - 4999 | 2 ##\n"
             "  5000 - 59999 | 3 ###\n"
             "60000 and more | 4 ####\n");
}

BOOST_AUTO_TEST_CASE(counts_without_a_bound_of_their_own_are_not_lost_and_missing_ones_are_zero) {
  std::vector<int> const lows{10, 20};
  std::vector<histogram::bucket> const many{{10, 19, 1}, {20, most, 14}};
  BOOST_TEST((histogram::bounded(std::vector<int>{1, 2, 4, 8}, lows).buckets() == many));
  std::vector<histogram::bucket> const few{{10, 19, 1}, {20, most, 0}};
  BOOST_TEST((histogram::bounded(std::vector<int>{1}, lows).buckets() == few));
  std::vector<histogram::bucket> const joined{{5, 6, 3}, {7, most, 12}};
  BOOST_TEST((histogram::bounded(std::vector<int>{1, 2, 4, 8}, std::vector<int>{5, 5, 7, 6}).buckets() == joined));
  BOOST_TEST(histogram::bounded(std::vector<int>{1, 2}, std::vector<int>{}).count() == 3U);
}

BOOST_AUTO_TEST_CASE(a_quantile_is_the_end_of_the_bucket_that_reaches_it) {
  // 90 values of 1, 9 of 4 to 7, 1 of 1024 to 2047.
  std::vector<int> slots(12);
  slots[1] = 90;
  slots[3] = 9;
  slots[11] = 1;
  histogram const made = histogram::log2(slots);
  BOOST_TEST(made.quantile(0) == 1U);
  BOOST_TEST(made.quantile(0.5) == 1U);
  BOOST_TEST(made.quantile(0.9) == 1U);
  BOOST_TEST(made.quantile(0.91) == 7U);
  BOOST_TEST(made.quantile(0.99) == 7U);
  BOOST_TEST(made.quantile(1) == 2047U);
  BOOST_TEST(made.quantile(-1) == 1U);
  BOOST_TEST(made.quantile(2) == 2047U);
}

BOOST_AUTO_TEST_CASE(a_quantile_in_the_last_bucket_is_its_lower_end) {
  BOOST_TEST(histogram::linear(std::vector<int>{0, 0, 5}, 10, 10).quantile(0.5) == 20U);
  BOOST_TEST(histogram{}.quantile(0.5) == 0U);
  BOOST_TEST(histogram::log2(std::vector<int>(64)).quantile(0.5) == 0U);
}

BOOST_AUTO_TEST_CASE(bars_show_what_was_counted_from_the_first_to_the_last) {
  BOOST_TEST(histogram::log2(std::vector<int>{0, 0, 4, 0, 8, 0}).bars(4) ==
             " 2 - 3 | 4 ##\n"
             " 4 - 7 | 0\n"
             "8 - 15 | 8 ####\n");
  BOOST_TEST(histogram{}.bars() == "nothing was counted\n");
  // What was counted at all is seen.
  BOOST_TEST(histogram::log2(std::vector<int>{1000, 1}).bars(10) == "0 | 1000 ##########\n1 |    1 #\n");
  BOOST_TEST(histogram::linear(std::vector<int>{0, 1, 1}, 5, 5).bars(1) == "      5 - 9 | 1 #\n10 and more | 1 #\n");
}

BOOST_AUTO_TEST_SUITE_END()
