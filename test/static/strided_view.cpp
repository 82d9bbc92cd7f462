// SPDX-License-Identifier: MIT
// engine/strided_view.hpp: a random-access range over elements that lie 8-byte-rounded apart.

#include <bpfmap/engine/strided_view.hpp>

#include "print.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <ranges>
#include <type_traits>
#include <vector>

namespace {

using bpfmap::strided_view;

struct twelve {
  std::uint32_t a, b, c;
};

template <class T>
constexpr bool is_complete_view =
    std::ranges::random_access_range<strided_view<T>> && std::ranges::sized_range<strided_view<T>> &&
    std::ranges::common_range<strided_view<T>> && std::ranges::view<strided_view<T>> &&
    std::ranges::borrowed_range<strided_view<T>> && std::ranges::viewable_range<strided_view<T>> &&
    std::sized_sentinel_for<std::ranges::iterator_t<strided_view<T>>, std::ranges::iterator_t<strided_view<T>>> &&
    std::totally_ordered<std::ranges::iterator_t<strided_view<T>>> &&
    std::same_as<std::ranges::range_reference_t<strided_view<T>>, T&> &&
    std::same_as<std::ranges::range_value_t<strided_view<T>>, std::remove_const_t<T>>;
static_assert(is_complete_view<std::uint32_t> && is_complete_view<std::uint32_t const>);
static_assert(is_complete_view<std::uint64_t> && is_complete_view<twelve> && is_complete_view<twelve const>);

// Not contiguous, also where it could be: that is what span() is for.
static_assert(!std::ranges::contiguous_range<strided_view<std::uint64_t>>);

static_assert(std::sortable<std::ranges::iterator_t<strided_view<std::uint32_t>>>);
static_assert(std::ranges::output_range<strided_view<std::uint32_t>, std::uint32_t>);
static_assert(!std::ranges::output_range<strided_view<std::uint32_t const>, std::uint32_t>);

static_assert(std::is_trivially_copyable_v<strided_view<twelve>>);
static_assert(sizeof(strided_view<twelve>) == 2 * sizeof(void*));
static_assert(
    noexcept(std::declval<strided_view<int>>()[0]) && noexcept(std::declval<strided_view<int>>().begin()) && noexcept(
        std::declval<strided_view<int>>().end()) && noexcept(std::declval<strided_view<int>>().size()));

/// Memory as the kernel lays it out.
template <class T>
struct memory {
  static constexpr std::size_t stride = (sizeof(T) + 7) / 8 * 8;
  alignas(8) std::array<std::byte, 10 * stride> bytes{};

  strided_view<T> view() { return {bytes.data(), 10}; }
  strided_view<T const> shown() { return {bytes.data(), 10}; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(strided_view_hpp)

BOOST_AUTO_TEST_CASE(elements_lie_eight_byte_rounded_apart) {
  memory<std::uint32_t> words;
  memory<twelve> structs;
  for (std::size_t i = 0; i < 10; ++i) {
    BOOST_TEST(reinterpret_cast<std::byte*>(&words.view()[i]) == words.bytes.data() + 8 * i);
    BOOST_TEST(reinterpret_cast<std::byte*>(&structs.view()[i]) == structs.bytes.data() + 16 * i);
  }
}

BOOST_AUTO_TEST_CASE(algorithms_work_on_it) {
  memory<std::uint32_t> words;
  auto const view = words.view();
  std::iota(view.begin(), view.end(), 1U);
  BOOST_TEST(view[9] == 10U);
  BOOST_TEST(std::accumulate(view.begin(), view.end(), 0U) == 55U);
  std::ranges::sort(view, std::ranges::greater{});
  BOOST_TEST(view[0] == 10U);
  BOOST_TEST(std::ranges::is_sorted(words.shown(), std::ranges::greater{}));
  BOOST_TEST(*std::ranges::lower_bound(view, 4U, std::ranges::greater{}) == 4U);
  std::ranges::reverse(view);
  std::vector<std::uint32_t> const copy(view.begin(), view.end());
  BOOST_TEST(copy == (std::vector<std::uint32_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), boost::test_tools::per_element());
  BOOST_TEST(std::ranges::distance(view | std::views::filter([](std::uint32_t n) { return n % 2 == 0; })) == 5);
  BOOST_TEST(*(view | std::views::reverse).begin() == 10U);
}

BOOST_AUTO_TEST_CASE(iterators_step_compare_and_measure) {
  memory<twelve> structs;
  auto const view = structs.view();
  auto it = view.begin();
  BOOST_TEST((view.end() - it == 10));
  BOOST_TEST((it < view.end() && view.end() > it && it <= it && it >= it));
  it += 3;
  BOOST_TEST((&*it == &view[3]));
  BOOST_TEST((&it[2] == &view[5] && &it[-1] == &view[2]));
  BOOST_TEST((&*it++ == &view[3] && &*it-- == &view[4]));
  BOOST_TEST((&*++it == &view[4] && &*--it == &view[3]));
  it -= 2;
  BOOST_TEST((it == view.begin() + 1 && it == 1 + view.begin() && it == view.end() - 9));
  it->b = 5;
  BOOST_TEST(structs.shown()[1].b == 5U);
}

BOOST_AUTO_TEST_CASE(an_empty_view_is_empty) {
  strided_view<std::uint32_t> const none;
  BOOST_TEST(none.empty());
  BOOST_TEST(none.size() == 0U);
  BOOST_TEST((none.begin() == none.end()));
}

BOOST_AUTO_TEST_SUITE_END()
