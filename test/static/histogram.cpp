// SPDX-License-Identifier: MIT
// core/histogram.hpp: what the slots that a BPF program fills mean, quantiles, and bars.

#include <bpfmap/core/histogram.hpp>

#include "print.hpp"

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
