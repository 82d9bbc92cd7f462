// SPDX-License-Identifier: MIT
// Arrays, by system call and as memory.
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace ut = boost::unit_test;
using bpfmap::array;
using bpfmap::mmapable;
using bpfmap::mmapable_read_only;

template <class M>
concept has_span = requires(M& map) { map.span(); };
template <class M>
concept has_cells = requires(M& map) { map.cells(); };
template <class M>
concept writes_span = requires(M& map) { map.span()[0] = 1; };
template <class M>
concept writes_element = requires(M& map) { map[0] = 1; };

static_assert(has_span<array<std::uint64_t, mmapable>> && has_cells<array<std::uint64_t, mmapable>>);
static_assert(!has_span<array<std::uint32_t, mmapable>> && has_cells<array<std::uint32_t, mmapable>>,
              "the kernel's stride is 8: a span of 4-byte elements would be wrong");
static_assert(!has_span<array<std::uint64_t>> && !has_cells<array<std::uint64_t>>);
static_assert(std::is_same_v<decltype(std::declval<array<std::uint64_t, mmapable_read_only>&>().span()),
                             std::span<std::uint64_t const>>);
static_assert(writes_span<array<std::uint64_t, mmapable>> && writes_element<array<std::uint64_t, mmapable>>);
static_assert(!writes_span<array<std::uint64_t, mmapable_read_only>>);
static_assert(!writes_element<array<std::uint64_t, mmapable_read_only>>);
static_assert(!writes_span<array<std::uint64_t, mmapable> const> &&
              !writes_element<array<std::uint64_t, mmapable> const>);

BOOST_AUTO_TEST_SUITE(arrays, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(a_program_and_a_span_see_each_others_writes, *ut::precondition(test::since{{5, 10}})) {
  auto object = test::loaded("spans");
  auto map = object.map<array<std::uint64_t, mmapable>>("cells");
  std::span<std::uint64_t> const cells = map.span();
  BOOST_TEST(cells.size() == 1000U);
  cells[0] = 14;
  test::run_on(object.program("multiply"), 0, 1);
  BOOST_TEST(cells[1] == 42U);
  BOOST_TEST(map.at(1) == 42U);
  map.insert_or_assign(0, 100);  // by system call, seen in memory and by the program
  BOOST_TEST(cells[0] == 100U);
  test::run_on(object.program("multiply"), 0, 1);
  BOOST_TEST(cells[1] == 300U);
  BOOST_TEST(cells[2] == 2U);
  map.atomic(2).fetch_add(40);
  test::run_on(object.program("multiply"), 0, 1);
  BOOST_TEST(map.load(2) == 43U);
}

BOOST_AUTO_TEST_CASE(cells_of_four_byte_elements_read_1000_values_right) {
  auto object = test::loaded("spans");
  test::run_on(object.program("multiply"), 0, 1);
  auto map = object.map<array<std::uint32_t, mmapable>>("small_cells");
  auto const cells = map.cells();
  BOOST_TEST(cells.size() == 1000U);
  std::uint32_t i = 0;
  bool all = true;
  for (std::uint32_t const cell : cells) all = all && cell == i++ * 2 + 1;
  BOOST_TEST(all);
  BOOST_TEST(i == 1000U);
  cells[999] = 5;
  BOOST_TEST(map.at(999) == 5U);
  BOOST_TEST(map.at(998) == 998U * 2 + 1);
}

BOOST_AUTO_TEST_CASE(elements_of_odd_sizes_lie_where_the_kernel_puts_them) {
  auto const check = []<std::size_t N>(std::integral_constant<std::size_t, N>) {
    using value = std::array<std::uint8_t, N>;
    auto map = array<value, mmapable>::create({.max_entries = 10});
    for (std::uint32_t i = 0; i < 10; ++i) {
      value v;
      v.fill(static_cast<std::uint8_t>(i + 1));
      map.insert_or_assign(i, v);
    }
    for (std::uint32_t i = 0; i < 10; ++i) BOOST_TEST((map[i] == map.at(i)));
  };
  [&]<std::size_t... N>(std::index_sequence<N...>) {
    (check(std::integral_constant<std::size_t, N + 1>{}), ...);
  }(std::make_index_sequence<33>{});
}

BOOST_AUTO_TEST_CASE(cells_work_with_algorithms) {
  auto map = array<std::uint32_t, mmapable>::create({.max_entries = 100});
  auto const cells = map.cells();
  std::iota(cells.begin(), cells.end(), 1U);
  BOOST_TEST(std::accumulate(cells.begin(), cells.end(), 0U) == 5050U);
  std::ranges::reverse(cells);
  BOOST_TEST(map.at(0) == 100U);
  BOOST_TEST((std::ranges::lower_bound(cells, 50U, std::greater<>{}) - cells.begin()) == 50);
}

BOOST_AUTO_TEST_CASE(memory_stays_valid_when_the_map_moves) {
  auto map = array<std::uint64_t, mmapable>::create({.max_entries = 4});
  auto const cells = map.span();
  cells[3] = 9;
  auto moved = std::move(map);
  BOOST_TEST(cells[3] == 9U);
  BOOST_TEST(moved.span().data() == cells.data());
  BOOST_TEST(map.span().size() == 0U);  // NOLINT: a moved-from map is empty
  auto const copy = moved.clone();
  BOOST_TEST(copy.span()[3] == 9U);
  BOOST_TEST(copy.span().data() != cells.data());
}

BOOST_AUTO_TEST_CASE(memory_outlives_the_object_that_it_came_from) {
  array<std::uint64_t, mmapable> map;
  {
    auto object = test::loaded("spans");
    map = object.map<array<std::uint64_t, mmapable>>("cells");
    test::run_on(object.program("multiply"), 0, 3);
  }
  BOOST_TEST(map.span()[2] == 3U);
}

BOOST_AUTO_TEST_CASE(a_frozen_map_is_mapped_only_for_reading) {
  auto const plain =
      array<std::uint64_t>::create({.name = "froz", .max_entries = 4, .flags = bpfmap::map_flags::mmapable});
  plain.insert_or_assign(1, 11);
  auto const reader = array<std::uint64_t, mmapable_read_only>::from_fd(plain.fd());  // does not keep it from freezing
  plain.freeze();
  auto const message = test::message_of([&] { (void)array<std::uint64_t, mmapable>::from_fd(plain.fd()); });
  BOOST_TEST(test::has(message, "the map is frozen"), message);
  BOOST_TEST(reader.span()[1] == 11U);
  BOOST_TEST((array<std::uint64_t, mmapable_read_only>::from_fd(plain.fd())[1]) == 11U);
  std::error_code ec;
  plain.insert_or_assign(1, 12, ec);
  BOOST_TEST((ec == std::errc::operation_not_permitted));
  auto const again = test::message_of([&] { plain.freeze(); });
  BOOST_TEST(test::has(again, "frozen already"), again);
}

BOOST_AUTO_TEST_CASE(a_map_that_is_mapped_writable_cannot_be_frozen) {
  auto const map = array<std::uint64_t, mmapable>::create({.max_entries = 4});
  auto const message = test::message_of([&] { map.freeze(); });
  BOOST_TEST(test::has(message, "EBUSY"), message);
  BOOST_TEST(test::has(message, "a writable mapping"), message);
}

BOOST_AUTO_TEST_CASE(a_map_for_reading_programs_is_still_written_by_system_calls) {
  auto const map =
      array<std::uint64_t, mmapable_read_only>::create({.max_entries = 4, .flags = bpfmap::map_flags::rdonly_prog});
  map.insert_or_assign(2, 22);
  BOOST_TEST(map.span()[2] == 22U);
  auto const message = test::message_of([&] { (void)array<std::uint64_t, mmapable>::from_fd(map.fd()); });
  BOOST_TEST(test::has(message, "mmapable_read_only"), message);
}

BOOST_AUTO_TEST_CASE(a_map_without_the_flag_is_refused_as_mmapable) {
  auto const plain = array<std::uint64_t>::create({.name = "plain", .max_entries = 4});
  auto const message = test::message_of([&] { (void)array<std::uint64_t, mmapable>::from_fd(plain.fd()); });
  BOOST_TEST(test::has(message, "flags is none, expected also mmapable"), message);
}

BOOST_AUTO_TEST_CASE(all_indices_are_there_from_the_start_and_no_others) {
  auto const map = array<std::uint32_t>::create({.max_entries = 3});
  BOOST_TEST(map.at(2) == 0U);
  BOOST_TEST(map.contains(2));
  BOOST_TEST(!map.contains(3));
  BOOST_TEST(!map.find(3).has_value());
  BOOST_CHECK_THROW((void)map.at(3), std::out_of_range);
  BOOST_TEST(map.assign(2, 7));
  BOOST_TEST(!map.assign(3, 7));
  auto const message = test::message_of([&] { map.insert_or_assign(3, 7); });
  BOOST_TEST(test::has(message, "the index is out of range: the map has 3 entries"), message);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> seen;
  for (auto const& entry : map) seen.push_back(entry);
  BOOST_TEST((seen == std::vector<std::pair<std::uint32_t, std::uint32_t>>{{0, 0}, {1, 0}, {2, 7}}));
}

BOOST_AUTO_TEST_SUITE_END()
