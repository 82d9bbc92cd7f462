// SPDX-License-Identifier: MIT
// core/cpu.hpp: sets of CPUs in the kernel's format, and views of per-CPU slots.

#include <bpfmap/core/cpu.hpp>

#include "print.hpp"
#include "slots.hpp"

#include <cerrno>
#include <ranges>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

namespace {

using namespace bpfmap;

static_assert(std::is_nothrow_default_constructible_v<cpu_set> && std::is_nothrow_move_constructible_v<cpu_set> &&
              std::is_nothrow_move_assignable_v<cpu_set> && std::is_copy_constructible_v<cpu_set>);
static_assert(!std::is_convertible_v<std::uint32_t, cpu>, "an id cannot be taken for an index");

std::error_code ec;
static_assert(noexcept(cpu_set::parse("", ec)) && noexcept(cpu_set::read("", "", ec)) && noexcept(cpu_topology::read(
    "", ec)) && noexcept(possible_cpus(ec)) && noexcept(online_cpus(ec)) && noexcept(std::declval<cpu_set const&>()
                                                                                         .from(0, ec)));

static_assert(std::ranges::random_access_range<cpu_set const> && std::ranges::sized_range<cpu_set const>);

static_assert(detail::slot_stride<std::uint8_t> == 8 && detail::slot_stride<std::uint64_t> == 8);
static_assert(detail::slot_stride<std::array<char, 9>> == 16 && detail::slot_stride<long double> == 16);

// Reading slots is possible through a view for writing, but not the other way round.
using reading = per_cpu_view<std::uint32_t const>;
using writing = per_cpu_view<std::uint32_t>;
static_assert(std::is_nothrow_convertible_v<writing, reading> && !std::is_convertible_v<reading, writing>);
static_assert(std::is_trivially_copyable_v<reading> && sizeof(reading) == 3 * sizeof(void*));
static_assert(std::ranges::forward_range<reading> && std::ranges::common_range<reading> &&
              std::ranges::sized_range<reading>);
static_assert(std::ranges::output_range<writing, std::uint32_t> && !std::ranges::output_range<reading, std::uint32_t>);
static_assert(std::is_same_v<std::ranges::range_value_t<reading>, std::uint32_t>);
static_assert(std::is_same_v<std::ranges::range_reference_t<writing>, std::uint32_t&>);
static_assert(noexcept(std::declval<reading>()[0]) && noexcept(std::declval<reading>().cpu_of(0)) && noexcept(
    std::declval<reading>().begin()) && noexcept(std::declval<reading>().size()));

int error_of(std::string_view list) {
  std::error_code failed = make_error(EIO);
  cpu_set const set = cpu_set::parse(list, failed);
  if (failed) BOOST_TEST(set.empty());
  return failed.value();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cpu_hpp)

BOOST_AUTO_TEST_CASE(lists_are_read_and_written_in_the_kernels_format) {
  for (std::string const list : {"", "0", "0-3", "0-3,8-11", "1,3,5", "7", "0,2-4,6", "0-8191", "65535"}) {
    BOOST_TEST(test::cpus(list).to_string() == list);
    BOOST_TEST((test::cpus(list + "\n") == test::cpus(list)));
  }
  // Neighbours become one run.
  BOOST_TEST(test::cpus("0,1,2,4").to_string() == "0-2,4");
}

BOOST_AUTO_TEST_CASE(what_is_no_such_list_is_refused) {
  for (char const* const list : {",", "1,", ",1", "1,,2", "-", "1-", "-1", "1-2-3", "a", "1a", "1 2", "1;2", " 1", "+1",
                                 "0x1", "1.5", "0-3:1/2"}) {
    BOOST_TEST(error_of(list) == EINVAL, list);
  }
}

BOOST_AUTO_TEST_CASE(a_list_that_does_not_ascend_is_refused) {
  for (char const* const list : {"1,0", "0,0", "0-3,3", "3-0", "4-5,2-3"}) {
    BOOST_TEST(error_of(list) == EINVAL, list);
  }
}

BOOST_AUTO_TEST_CASE(an_id_beyond_the_largest_machine_is_refused) {
  BOOST_TEST(error_of("65535") == 0);
  BOOST_TEST(error_of("65536") == ERANGE);
  BOOST_TEST(error_of("0-4294967295") == ERANGE);
  BOOST_TEST(error_of("4294967296") == ERANGE);
}

BOOST_AUTO_TEST_CASE(the_rank_of_an_id_is_its_place_among_those_present) {
  cpu_set const set = test::cpus("1,4-5,9");
  BOOST_TEST(set.size() == 4U);
  BOOST_TEST(set.highest() == 9U);
  std::vector<std::uint32_t> const ids(set.begin(), set.end());
  BOOST_TEST(ids == (std::vector<std::uint32_t>{1, 4, 5, 9}), boost::test_tools::per_element());
  for (std::size_t rank = 0; rank < ids.size(); ++rank) {
    BOOST_TEST(set[rank] == ids[rank]);
    BOOST_TEST(set.rank_of(ids[rank]) == rank);
  }
  for (std::uint32_t const absent : {0U, 2U, 3U, 6U, 8U, 10U, ~0U}) {
    BOOST_TEST(!set.contains(absent));
    BOOST_TEST(set.rank_of(absent) == set.size());
  }
}

BOOST_AUTO_TEST_CASE(from_keeps_the_higher_ids) {
  std::error_code failed;
  cpu_set const set = test::cpus("1,4-5,9");
  BOOST_TEST((set.from(0, failed) == set));
  BOOST_TEST(set.from(5, failed).to_string() == "5,9");
  BOOST_TEST(set.from(10, failed).empty());
  BOOST_TEST(!failed);
}

BOOST_AUTO_TEST_CASE(this_machine_has_cpus_and_those_online_are_possible) {
  std::error_code failed;
  cpu_set const& possible = possible_cpus(failed);
  BOOST_TEST(!failed, failed.message());
  cpu_set const online = online_cpus(failed);
  BOOST_TEST(!failed, failed.message());
  BOOST_TEST(!online.empty());
  for (std::uint32_t const id : online) BOOST_TEST(possible.contains(id));
  BOOST_TEST(&possible_cpus(failed) == &possible);
}

BOOST_AUTO_TEST_CASE(a_missing_sysfs_is_an_error) {
  std::error_code failed;
  BOOST_TEST(cpu_topology::read("/nowhere", failed).possible.empty());
  BOOST_TEST(failed.value() == ENOENT);
}

BOOST_AUTO_TEST_CASE(slots_lie_eight_bytes_apart_and_belong_to_possible_cpus) {
  test::slots<std::uint32_t> memory("2,5-6");
  per_cpu_view<std::uint32_t> const slots = memory.view();
  BOOST_TEST(slots.size() == 3U);
  std::uint32_t next = 10;
  for (std::uint32_t& slot : slots) slot = next++;
  for (std::size_t rank = 0; rank < slots.size(); ++rank) {
    BOOST_TEST(slots[rank] == 10 + rank);
    BOOST_TEST(reinterpret_cast<std::byte*>(&slots[rank]) == memory.data() + 8 * rank);
  }
  BOOST_TEST(slots.cpu_of(0) == 2U);
  BOOST_TEST(slots.cpu_of(2) == 6U);
  per_cpu_view<std::uint32_t const> const shown = slots;
  BOOST_TEST(&shown[1] == &slots[1]);
  BOOST_TEST(std::ranges::distance(shown) == 3);
}

BOOST_AUTO_TEST_SUITE_END()
