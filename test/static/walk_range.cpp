// SPDX-License-Identifier: MIT
// engine/walk_range.hpp: what standard algorithms and views may take a map, and its elements, for.

#include <bpfmap/maps/array.hpp>
#include <bpfmap/maps/hash.hpp>

#include "print.hpp"

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <cstdint>
#include <iterator>
#include <ranges>
#include <system_error>
#include <type_traits>
#include <utility>

namespace {

using namespace bpfmap;

using flows = hash<std::uint32_t, double>;
using hits = percpu_hash<std::uint64_t, std::uint32_t>;
using counters = array<std::uint16_t>;
using drops = percpu_array<std::uint32_t>;

template <class Map>
using entries_of = decltype(std::declval<Map const&>().entries());
template <class Map>
using keys_of = decltype(std::declval<Map const&>().keys());
template <class Map>
using values_of = decltype(std::declval<Map const&>().values());

template <class Range, class Value>
constexpr bool is_walk_over =
    std::ranges::input_range<Range> && !std::ranges::forward_range<Range> && std::ranges::view<Range> &&
    std::ranges::borrowed_range<Range> && std::ranges::viewable_range<Range> && !std::ranges::sized_range<Range> &&
    std::same_as<std::ranges::range_value_t<Range>, Value> &&
    std::same_as<std::ranges::range_reference_t<Range>, Value> &&
    std::same_as<std::ranges::sentinel_t<Range>, std::default_sentinel_t>;

static_assert(is_walk_over<entries_of<flows>, std::pair<std::uint32_t, double>>);
static_assert(is_walk_over<keys_of<flows>, std::uint32_t> && is_walk_over<values_of<flows>, double>);
static_assert(is_walk_over<entries_of<hits>, std::pair<std::uint64_t, std::uint64_t>>);
static_assert(is_walk_over<keys_of<hits>, std::uint64_t> && is_walk_over<values_of<hits>, std::uint64_t>);
static_assert(is_walk_over<entries_of<drops>, std::pair<std::uint32_t, std::uint64_t>>);
static_assert(is_walk_over<keys_of<drops>, std::uint32_t> && is_walk_over<values_of<drops>, std::uint64_t>);
static_assert(is_walk_over<entries_of<counters>, std::pair<std::uint32_t, std::uint16_t>>);
static_assert(is_walk_over<keys_of<counters>, std::uint32_t> && is_walk_over<values_of<counters>, std::uint16_t>);

// With an error code the range is of the same kind.
static_assert(
    std::same_as<decltype(std::declval<flows const&>().entries(std::declval<std::error_code&>())), entries_of<flows>>);

// The map itself is a range over its entries, and not a view: it owns a descriptor.
static_assert(std::ranges::input_range<flows> && std::ranges::input_range<hits const> &&
              std::ranges::input_range<counters>);
static_assert(!std::ranges::view<flows> && !std::ranges::borrowed_range<flows>);
static_assert(std::same_as<std::ranges::range_value_t<flows>, flows::value_type>);

// A walk has one owner: its block of elements.
using iterator = std::ranges::iterator_t<entries_of<flows>>;
static_assert(std::input_iterator<iterator> && std::movable<iterator> && !std::copyable<iterator>);
static_assert(std::is_nothrow_move_constructible_v<iterator> && std::is_nothrow_move_assignable_v<iterator>);
static_assert(std::sentinel_for<std::default_sentinel_t, iterator>);
static_assert(std::indirectly_readable<iterator>);

}  // namespace

BOOST_AUTO_TEST_SUITE(walk_range_hpp)

BOOST_AUTO_TEST_CASE(views_and_algorithms_of_the_standard_library_take_walks) {
  flows const map;  // empty: each walk ends at once, and says why
  std::error_code ec;
  auto const second = [](auto const& entry) { return entry.second; };
  for (double const value : map.entries(ec) | std::views::take(3) | std::views::transform(second)) {
    BOOST_ERROR(value);
  }
  BOOST_TEST(ec.value() == EBADF);
  auto const odd = [](std::uint32_t key) { return key % 2 != 0; };
  BOOST_TEST(std::ranges::distance(map.keys(ec) | std::views::filter(odd)) == 0);
  BOOST_TEST(std::ranges::count(map.values(ec), 1.5) == 0);
  BOOST_TEST((std::ranges::find(map.keys(ec), 7U) == std::default_sentinel));
}

// size() may walk the whole map, and need not be what a later walk gives: others write. Who takes it for the
// number of elements, as std::views::take does, walks past the end of a map that has become smaller.
BOOST_AUTO_TEST_CASE(a_map_that_others_write_is_no_sized_range) {
  BOOST_TEST(!std::ranges::sized_range<flows>);
  BOOST_TEST(!std::ranges::sized_range<hits const>);
}

BOOST_AUTO_TEST_SUITE_END()
