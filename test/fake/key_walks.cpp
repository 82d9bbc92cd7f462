// SPDX-License-Identifier: MIT
// Walks by BPF_MAP_GET_NEXT_KEY, where the kernel has no batches: they see what stays, and always end.
#include "ring.hpp"

#include <map>

namespace {

using fake::call;
using test::filled;
using test::flows;
using test::has;

/// The fake ring on a kernel without batches for any type, and for a user without privileges.
struct without_batches : test::ring {
  without_batches() {
    fake::fail(call::lookup_batch, 524, fake::forever);
    fake::fail(call::program_load, EPERM, fake::forever);
  }
};

std::map<std::uint32_t, unsigned> seen_in(flows const& map) {
  std::map<std::uint32_t, unsigned> seen;
  for (auto const& entry : map) ++seen[entry.first];
  return seen;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(key_walks, without_batches)

BOOST_AUTO_TEST_CASE(of_no_element_one_and_many_see_each_once) {
  for (std::uint32_t const count : {0U, 1U, 2U, 500U}) {
    auto const map = filled<flows>(count, {.max_entries = 512});
    auto const seen = seen_in(map);
    BOOST_TEST(seen.size() == count);
    for (auto const& [key, times] : seen) BOOST_REQUIRE(times == 1);
  }
}

BOOST_AUTO_TEST_CASE(take_two_system_calls_an_element) {
  auto const map = filled<flows>(100, {.max_entries = 512});
  auto const keys = fake::calls(call::next_key);
  auto const lookups = fake::calls(call::lookup);
  BOOST_TEST(seen_in(map).size() == 100U);
  BOOST_TEST(fake::calls(call::next_key) - keys == 101U);
  BOOST_TEST(fake::calls(call::lookup) - lookups == 100U);
}

BOOST_AUTO_TEST_CASE(to_count_read_no_values) {
  auto const map = filled<flows>(100, {.max_entries = 512});
  auto const lookups = fake::calls(call::lookup);
  BOOST_TEST(map.size() == 100U);
  BOOST_TEST(map.counted_by() == bpfmap::counting::key_walk);
  BOOST_TEST(fake::calls(call::lookup) == lookups);
}

BOOST_AUTO_TEST_CASE(of_one_byte_keys_see_all_256) {
  auto const map =
      test::map_with<bpfmap::hash<std::uint8_t, std::uint8_t>>({.key_size = 1, .value_size = 1, .max_entries = 256});
  for (unsigned i = 0; i < 256; ++i) map.insert_or_assign(static_cast<std::uint8_t>(i), 1);
  BOOST_TEST(map.for_each([](auto&&...) {}) == 256U);
}

BOOST_AUTO_TEST_CASE(of_per_cpu_values_reduce_them) {
  auto const map = filled<test::hits>(16);
  std::uint64_t sum = 0;
  for (auto const value : map.values()) sum += value;
  BOOST_TEST(sum == 16U * 17U / 2U);
}

BOOST_AUTO_TEST_CASE(pass_over_what_vanishes_between_its_key_and_its_value) {
  auto const map = filled<flows>(10);
  // A program deletes what is looked at fourth.
  unsigned lookups = 0;
  fake::before(call::lookup, [&, fd = map.fd()] {
    std::uint32_t const key = 3;
    if (++lookups == 4) fake::drop(fd, &key);
  });
  auto const seen = seen_in(map);
  BOOST_TEST(!seen.contains(3));
  // The kernel begins again when the current key is gone: what stays is seen, perhaps twice.
  BOOST_TEST(seen.size() == 9U);
}

BOOST_AUTO_TEST_CASE(of_which_every_element_vanishes_end_without_any) {
  auto const map = filled<flows>(10);
  fake::fail(call::lookup, ENOENT, fake::forever);
  std::error_code ec;
  BOOST_TEST(map.for_each([](auto&&...) {}, ec) == 0U);
  BOOST_TEST(!ec);
}

BOOST_AUTO_TEST_CASE(of_cgroup_storages_give_no_key_that_names_no_element) {
  auto const map = filled<flows>(10);
  bpfmap::detail::block_walker walker({.fd = map.fd(),
                                       .type = bpfmap::map_type::cgroup_storage,
                                       .key_size = 4,
                                       .element_bytes = sizeof(flows::mapped_type),
                                       .max_entries = 0,
                                       .keys_only = true});
  fake::fail(call::lookup, ENOENT, 1, 9);  // the last of them
  std::error_code ec;
  unsigned keys = 0;
  while (walker.next(ec) != 0) ++keys;
  BOOST_TEST(!ec);
  BOOST_TEST(keys == 9U);
}

BOOST_AUTO_TEST_CASE(of_maps_without_max_entries_do_not_stop_early) {
  auto const map = filled<flows>(5000, {.max_entries = 5000});
  bpfmap::detail::block_walker walker({.fd = map.fd(),
                                       .type = bpfmap::map_type::cgroup_storage,
                                       .key_size = 4,
                                       .element_bytes = sizeof(flows::mapped_type),
                                       .max_entries = 0});
  std::error_code ec;
  unsigned keys = 0;
  while (walker.next(ec) != 0) ++keys;
  BOOST_TEST(!ec);
  BOOST_TEST(keys == 5000U);
}

BOOST_AUTO_TEST_CASE(allow_erasing_the_current_element) {
  auto const map = filled<flows>(100, {.max_entries = 128});
  for (auto const& entry : map) map.erase(entry.first);
  BOOST_TEST(fake::elements_of(map.fd()) == 0U);
}

BOOST_AUTO_TEST_CASE(that_begin_again_for_ever_end_in_eloop) {
  auto const map = filled<flows>(1);
  // The current key is always gone, and there is always another.
  std::uint32_t key = 0;
  fake::before(call::next_key, [&, fd = map.fd()] {
    fake::drop(fd, &key);
    ++key;
    std::uint64_t const value = 1;
    fake::put(fd, &key, &value);
  });
  std::error_code ec;
  auto const seen = map.for_each([](auto&&...) {}, ec);
  BOOST_TEST(ec.value() == ELOOP);
  BOOST_TEST(seen == 16U * 16U + 1024U);
  BOOST_TEST(has(test::message_of([&] { map.for_each([](auto&&...) {}); }), "[ELOOP]: the map changed so much"));
  BOOST_TEST(map.size(ec) == 0U);
  BOOST_TEST(ec.value() == ELOOP);
}

BOOST_AUTO_TEST_CASE(that_only_meet_vanishing_elements_for_ever_end_too) {
  auto const map = filled<flows>(1);
  std::uint32_t key = 0;
  fake::before(call::next_key, [&, fd = map.fd()] {
    fake::drop(fd, &key);
    ++key;
    std::uint64_t const value = 1;
    fake::put(fd, &key, &value);
  });
  fake::fail(call::lookup, ENOENT, fake::forever);
  std::error_code ec;
  BOOST_TEST(map.for_each([](auto&&...) {}, ec) == 0U);
  BOOST_TEST(ec.value() == ELOOP);
}

BOOST_AUTO_TEST_CASE(report_errors_of_keys_and_of_values) {
  auto const map = filled<flows>(10);
  for (int const number : {EPERM, EFAULT, EBADF, ENOMEM, EINTR, 524}) {
    for (call const which : {call::next_key, call::lookup}) {
      BOOST_TEST_CONTEXT("errno " << number << " of call " << static_cast<int>(which)) {
        std::error_code ec;
        unsigned seen = 0;
        fake::fail(which, number, 1, 3);
        for ([[maybe_unused]] auto const& each : map.entries(ec)) ++seen;
        BOOST_TEST(ec.value() == number);
        BOOST_TEST(seen == 3U);
        fake::fail(which, number, 1, 3);
        BOOST_TEST(test::error_of([&] { map.for_each([](auto&&...) {}); }).code.value() == number);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
