// SPDX-License-Identifier: MIT
// Arrays as memory: what they show is what the system calls say, and what cannot be mapped says why.
#include "ring.hpp"

#include <array>
#include <numeric>
#include <utility>

#include <fcntl.h>

namespace {

using test::has;

fake::shape const mappable{.max_entries = 10, .flags = bpfmap::map_flags::mmapable, .name = "table"};

template <class T>
using mapped = bpfmap::array<T, bpfmap::mmapable>;
template <class T>
using shown = bpfmap::array<T, bpfmap::mmapable_read_only>;

template <std::size_t N>
using cell = std::array<std::uint8_t, N>;

template <std::size_t N>
void cells_are_elements() {
  fake::shape made = mappable;
  made.value_size = N;
  auto map = test::map_with<mapped<cell<N>>>(made);
  BOOST_TEST(map.cells().size() == 10U);
  for (std::uint32_t i = 0; i < 10; ++i) {
    cell<N> value;
    std::iota(value.begin(), value.end(), static_cast<std::uint8_t>(i));
    if (i % 2 == 0)
      map.insert_or_assign(i, value);
    else
      map[i] = value;
    BOOST_TEST((map.at(i) == value));
    BOOST_TEST((map.cells()[i] == value));
    BOOST_TEST((*(map.cells().begin() + i) == value));
  }
  if constexpr (N % 8 == 0) BOOST_TEST((map.span()[9] == map.at(9)));
}

/// A second open file of the same object, for reading only.
int read_only(int fd) { return ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC); }

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mapped_arrays, test::ring)

BOOST_AUTO_TEST_CASE(show_elements_of_every_size_where_they_are) {
  cells_are_elements<1>();
  cells_are_elements<4>();
  cells_are_elements<7>();
  cells_are_elements<8>();
  cells_are_elements<12>();
  cells_are_elements<16>();
  cells_are_elements<20>();
  cells_are_elements<4096>();
}

BOOST_AUTO_TEST_CASE(take_part_in_atomic_operations) {
  auto map = test::map_with<mapped<std::uint64_t>>(mappable);
  map.atomic(3).fetch_add(5);
  BOOST_TEST(map.load(3) == 5U);
  BOOST_TEST(map.at(3) == 5U);
  BOOST_TEST(map.span()[3] == 5U);
}

BOOST_AUTO_TEST_CASE(keep_their_addresses_when_they_are_moved) {
  auto map = test::map_with<mapped<std::uint64_t>>(mappable);
  std::uint64_t* const third = &map[3];
  auto moved = std::move(map);
  BOOST_TEST(&moved[3] == third);
  *third = 7;
  BOOST_TEST(moved.at(3) == 7U);
}

BOOST_AUTO_TEST_CASE(that_are_frozen_can_be_mapped_for_reading_only) {
  auto const plain = test::map_with<bpfmap::array<std::uint64_t>>(mappable);
  plain.insert_or_assign(1, 11);
  plain.freeze();
  std::error_code ec;
  BOOST_TEST(!mapped<std::uint64_t>::from_fd(plain.fd(), ec));
  BOOST_TEST(ec.value() == EPERM);
  auto const error = test::error_of([&] { (void)mapped<std::uint64_t>::from_fd(plain.fd()); });
  BOOST_TEST(has(error.text, "[EPERM]: the map is frozen: bind it as mmapable_read_only"), error.text);
  auto const reader = shown<std::uint64_t>::from_fd(plain.fd());
  BOOST_TEST(reader.span()[1] == 11U);
}

BOOST_AUTO_TEST_CASE(behind_a_descriptor_for_reading_say_that_it_lacks_the_permission) {
  auto const plain = test::map_with<bpfmap::array<std::uint64_t>>(mappable);
  int const fd = read_only(plain.fd());
  std::error_code ec;
  BOOST_TEST(!mapped<std::uint64_t>::from_fd(fd, ec));
  BOOST_TEST(ec.value() == EACCES);
  auto const error = test::error_of([&] { (void)mapped<std::uint64_t>::from_fd(fd); });
  BOOST_TEST(has(error.text, "[EACCES]"), error.text);
  BOOST_TEST(has(error.hint, "mmapable_read_only"), error.hint);
  ::close(fd);
}

BOOST_AUTO_TEST_CASE(that_were_not_made_for_it_are_no_such_class) {
  auto const plain = test::map_with<bpfmap::array<std::uint64_t>>({.max_entries = 10});
  BOOST_TEST(has(test::message_of([&] { (void)mapped<std::uint64_t>::from_fd(plain.fd()); }),
                 "flags is none, expected also mmapable"));
}

BOOST_AUTO_TEST_SUITE_END()
