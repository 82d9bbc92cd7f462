// SPDX-License-Identifier: MIT
// Maps of maps: inner maps go in as objects and come out as objects.
#include "../support/deny.hpp"
#include "../support/kernel.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>
#include <vector>

namespace ut = boost::unit_test;

namespace {

using table = bpfmap::hash<std::uint32_t, std::uint64_t>;
using cells = bpfmap::array<std::uint32_t>;
using tables = bpfmap::hash_of_maps<std::uint64_t, table>;
using pages = bpfmap::array_of_maps<cells>;

table small_table() { return table::create({.max_entries = 8}); }
cells small_cells() { return cells::create({.max_entries = 4}); }

tables made(std::uint32_t room) { return tables::create({.name = "tables", .max_entries = room}, {.max_entries = 8}); }

std::vector<table> some_tables(std::size_t count) {
  std::vector<table> made;
  for (std::size_t i = 0; i < count; ++i) made.push_back(small_table());
  return made;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(maps_of_maps, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(a_hash_of_maps_behaves_like_a_map_of_owners) {
  test::no_leak const watch;
  auto const map = made(4);
  BOOST_TEST(!map.find(1).has_value());
  BOOST_TEST(!map.contains(1));
  BOOST_CHECK_THROW((void)map.at(1), std::out_of_range);
  BOOST_TEST(!map.assign(1, small_table()));
  {
    auto const inner = small_table();
    inner.insert(5, 55);
    BOOST_TEST(map.insert(1, inner));
    BOOST_TEST(!map.insert(1, small_table()));
    BOOST_TEST(map.find_id(1).value() == inner.id());
  }
  // The object that went in is gone; the map keeps its own hold.
  auto const inner = map.at(1);
  BOOST_TEST(inner.at(5) == 55U);
  inner.insert(6, 66);
  BOOST_TEST(map.find(1)->at(6) == 66U);
  BOOST_TEST(map.assign(1, small_table()));
  BOOST_TEST(map.at(1).empty());
  BOOST_TEST(inner.at(5) == 55U, "still ours");
  map.insert_or_assign(2, inner);
  BOOST_TEST(map.size() == 2U);
  BOOST_TEST(map.erase(2));
  BOOST_TEST(!map.erase(2));

  std::error_code ec = bpfmap::make_error(EIO);
  BOOST_TEST((map.find(1, ec).has_value() && !ec));
  BOOST_TEST((!map.find(9, ec).has_value() && !ec));
  BOOST_TEST(!map.at(9, ec));
  BOOST_TEST((ec == std::errc::no_such_file_or_directory));
  BOOST_TEST((!map.insert(1, inner, ec) && !ec));
  BOOST_TEST((map.assign(1, inner, ec) && !ec));
  map.insert_or_assign(3, inner, ec);
  BOOST_TEST((!ec && map.at(3).id() == inner.id()));
}

BOOST_AUTO_TEST_CASE(an_array_of_maps_has_places_that_may_be_empty) {
  auto const map = pages::create({.name = "pages", .max_entries = 8}, {.max_entries = 4});
  BOOST_TEST(!map.find(0).has_value());
  map.insert_or_assign(3, small_cells());
  map.at(3).assign(2, 7);
  BOOST_TEST(map.at(3).at(2) == 7U);
  std::vector<std::uint32_t> used;
  for (auto const& [index, id] : map) {
    used.push_back(index);
    BOOST_TEST(id == map.at(index).id());
  }
  BOOST_TEST((used == std::vector<std::uint32_t>{3}));
  BOOST_TEST(map.erase(3));
  BOOST_TEST(!map.erase(3));
  auto const message = test::message_of([&] { map.insert_or_assign(8, small_cells()); });
  BOOST_TEST(test::has(message, "the index is out of range: the map has 8 entries"), message);
}

BOOST_AUTO_TEST_CASE(every_difference_of_an_inner_map_is_listed) {
  auto const map = pages::create({.name = "pages", .max_entries = 8}, small_cells());
  auto const wrong = cells::create({.name = "wrong", .max_entries = 5, .flags = bpfmap::map_flags::mmapable});
  auto const expected =
      "insert_or_assign on 'pages' (array_of_maps, key 4, value 4): Invalid argument [EINVAL]: the inner map 'wrong' "
      "(array, key 4, value 4) does not fit: flags is mmapable, expected none; max_entries is 5, expected 4";
  BOOST_TEST(test::message_of([&] { map.insert_or_assign(0, wrong); }) == expected);
  // An object that did not create the map learns the shape from what is in it.
  auto const other = pages::from_fd(map.fd());
  auto const unknown = test::message_of([&] { other.insert_or_assign(0, wrong); });
  BOOST_TEST(test::has(unknown, "must have the type, sizes and flags"), unknown);
  other.insert_or_assign(0, small_cells());
  BOOST_TEST(test::message_of([&] { other.insert_or_assign(0, wrong); }) == expected);
  std::error_code ec;
  other.insert_or_assign(0, wrong, ec);
  BOOST_TEST((ec == std::errc::invalid_argument));
  BOOST_TEST(
      test::has(test::message_of([&] { map.insert_or_assign(0, cells{}); }), "the inner map is an empty object"));
}

BOOST_AUTO_TEST_CASE(an_inner_map_of_another_class_is_refused_when_it_is_read) {
  auto const map = made(4);
  map.insert_or_assign(1, small_table());
  auto const wrong = bpfmap::hash_of_maps<std::uint64_t, bpfmap::hash<std::uint64_t, std::uint32_t>>::from_fd(map.fd());
  auto const message = test::message_of([&] { (void)wrong.find(1); });
  BOOST_TEST(test::has(message, "find on 'tables'"), message);
  BOOST_TEST(test::has(message, "key size is 4, expected 8; value size is 8, expected 4"), message);
  std::error_code ec;
  BOOST_TEST(!wrong.find(1, ec).has_value());
  BOOST_TEST((ec == std::errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_created_says_which_map_it_was) {
  auto const inner =
      test::message_of([] { (void)tables::create({.name = "outer", .max_entries = 4}, {.name = "inner"}); });
  BOOST_TEST(test::has(inner, "create on 'inner' as hash"), inner);
  auto const outer = test::message_of([] { (void)tables::create({.name = "outer"}, {.max_entries = 4}); });
  BOOST_TEST(test::has(outer, "create on 'outer' as hash_of_maps"), outer);
  std::error_code ec;
  BOOST_TEST(!tables::create({.max_entries = 4}, table{}, ec));
  BOOST_TEST((ec == std::errc::bad_file_descriptor));
}

BOOST_AUTO_TEST_CASE(many_go_in_with_one_system_call, *ut::precondition(test::since{{5, 19}})) {
  auto const map = made(64);
  std::vector<std::uint64_t> keys(40);
  std::iota(keys.begin(), keys.end(), 100U);
  auto const inners = some_tables(keys.size());
  auto const batches = test::calls::update_batch();
  auto const start = std::chrono::steady_clock::now();
  BOOST_TEST(map.insert_or_assign(keys, inners) == 40U);
  auto const took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  BOOST_TEST_MESSAGE("40 inner maps went in in " << took.count() << " us");
  BOOST_TEST(test::calls::update_batch() == batches + 1);
  for (std::size_t i = 0; i < keys.size(); ++i) BOOST_TEST(map.find_id(keys[i]).value() == inners[i].id());
  keys[20] = 7;  // not there
  BOOST_TEST(map.erase(keys) == 39U);
  BOOST_TEST(map.size() == 1U);
}

BOOST_AUTO_TEST_CASE(many_go_in_one_by_one_where_batches_are_denied) {
  auto const map = made(8);
  std::vector<std::uint64_t> const keys{1, 2, 3};
  auto const inners = some_tables(3);
  test::deny_batch const deny;
  BOOST_TEST(map.insert_or_assign(keys, inners) == 3U);
  BOOST_TEST(map.find_id(3).value() == inners[2].id());
  BOOST_TEST(map.erase(keys) == 3U);
  BOOST_TEST(map.empty());
}

BOOST_AUTO_TEST_CASE(many_stop_at_the_first_that_fails) {
  auto const check = [] {
    auto const map = made(2);
    std::vector<std::uint64_t> const keys{1, 2, 3};
    auto const inners = some_tables(3);
    std::error_code ec;
    BOOST_TEST(map.insert_or_assign(keys, inners, ec) == 2U);
    BOOST_TEST((ec == std::errc::argument_list_too_long));
    auto const message = test::message_of([&] { map.insert_or_assign(keys, inners); });
    BOOST_TEST(test::has(message, "the map already holds its 2 entries"), message);
    BOOST_TEST(map.insert_or_assign(keys, std::span(inners).first(2), ec) == 0U);
    BOOST_TEST((ec == std::errc::invalid_argument));
    BOOST_TEST(test::has(test::message_of([&] { map.insert_or_assign(keys, std::span(inners).first(2)); }),
                         "3 keys and 2 maps"));
    BOOST_TEST(map.insert_or_assign(std::span(keys).first(0), std::span(inners).first(0), ec) == 0U);
    BOOST_TEST(!ec);
  };
  check();
  test::deny_batch const deny;
  check();
}

BOOST_AUTO_TEST_CASE(many_name_the_one_that_does_not_fit) {
  auto const map = made(8);
  std::vector<std::uint64_t> const keys{1, 2, 3};
  std::vector<table> inners = some_tables(3);
  inners[1] = table::create({.name = "wrong", .max_entries = 8, .flags = bpfmap::map_flags::no_prealloc});
  auto const message = test::message_of([&] { map.insert_or_assign(keys, inners); });
  BOOST_TEST(test::has(message, "'wrong' (hash, key 4, value 8) does not fit: flags is no_prealloc, expected none"),
             message);
  BOOST_TEST(map.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_closed_descriptor_is_an_error) {
  std::error_code ec;
  tables const none;
  BOOST_TEST(!none.find(1, ec).has_value());
  BOOST_TEST((ec == std::errc::bad_file_descriptor));
  std::vector<std::uint64_t> const keys{1};
  BOOST_TEST(none.insert_or_assign(keys, some_tables(1), ec) == 0U);
  BOOST_TEST((ec == std::errc::bad_file_descriptor));
  BOOST_TEST(none.erase(keys, ec) == 0U);
  BOOST_TEST((ec == std::errc::bad_file_descriptor));
}

BOOST_AUTO_TEST_SUITE_END()
