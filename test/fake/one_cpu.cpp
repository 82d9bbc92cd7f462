// SPDX-License-Identifier: MIT
// One CPU's slot, on a machine whose CPU ids have holes, by kernels with and without BPF_F_CPU.
#include "ring.hpp"

#include <array>
#include <iterator>

namespace {

using bpfmap::cpu;
using fake::call;
using test::hits;

constexpr int enotsupp = 524;
constexpr std::uint32_t ids[] = {0, 2, 3, 4, 5, 8};

/// The fake ring, in a process that has not asked for one slot yet.
struct fresh : test::ring {
  fresh() { bpfmap::detail::cpu_flags_refused = false; }
  ~fresh() { bpfmap::detail::cpu_flags_refused = false; }
};

hits with_slots() {
  auto map = test::map_with<hits>({});
  std::uint32_t const key = 1;
  std::uint64_t slots[fake_files::possible_count];
  for (std::size_t i = 0; i < std::size(ids); ++i) slots[i] = 100 + ids[i];
  fake::put(map.fd(), &key, slots);
  return map;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(one_cpu, fresh)

BOOST_AUTO_TEST_CASE(is_found_by_its_id_and_not_by_its_place) {
  auto const map = with_slots();
  for (std::uint32_t const id : ids) BOOST_TEST(map.at(1, cpu{id}) == 100 + id);
  for (std::uint32_t const id : {1U, 6U, 7U, 9U}) {
    auto const ec = test::code_of([&](std::error_code& code) { static_cast<void>(map.find(1, cpu{id}, code)); });
    BOOST_TEST(ec.value() == ENODEV);
  }
  BOOST_TEST(!map.find(2, cpu{8}).has_value());
}

BOOST_AUTO_TEST_CASE(is_asked_for_once_of_a_kernel_that_refuses) {
  auto const map = with_slots();
  auto const before = fake::calls(call::lookup);
  BOOST_TEST(map.at(1, cpu{3}) == 103U);
  BOOST_TEST(fake::calls(call::lookup) == before + 2);
  BOOST_TEST(fake::last_lookup_flags() == 0U);
  BOOST_TEST(map.at(1, cpu{4}) == 104U);
  BOOST_TEST(fake::calls(call::lookup) == before + 3);
}

BOOST_AUTO_TEST_CASE(above_the_number_of_cpus_is_read_with_all) {
  auto const map = with_slots();
  fake::fail(call::lookup, ERANGE);
  BOOST_TEST(map.at(1, cpu{8}) == 108U);
  BOOST_TEST(!bpfmap::detail::cpu_flags_refused);
}

BOOST_AUTO_TEST_CASE(is_asked_for_by_flag_and_number) {
  auto const map = with_slots();
  fake::fail(call::lookup, ENOENT);
  BOOST_TEST(!map.find(1, cpu{5}).has_value());
  BOOST_TEST(fake::last_lookup_flags() == (5ULL << 32 | 8));
  fake::fail(call::update, E2BIG);
  auto const ec = test::code_of([&](std::error_code& code) { map.insert_or_assign(1, 7, cpu{5}, code); });
  BOOST_TEST(ec.value() == E2BIG);
  BOOST_TEST(fake::last_update_flags() == (5ULL << 32 | 8));
}

BOOST_AUTO_TEST_CASE(is_never_written_by_reading_all_and_writing_them_back) {
  auto const map = with_slots();
  for (int i = 0; i < 2; ++i) {
    auto const ec = test::code_of([&](std::error_code& code) { map.insert_or_assign(1, 7, cpu{3}, code); });
    BOOST_TEST(ec.value() == enotsupp);
  }
  BOOST_TEST(fake::calls(call::update) == 1U);
  auto const error = test::error_of([&] { map.insert_or_assign(1, 7, cpu{3}); });
  BOOST_TEST(test::has(error.text, "needs Linux 7.0"));
  BOOST_TEST(map.at(1, cpu{3}) == 103U);
}

BOOST_AUTO_TEST_CASE(all_of_them_are_written_alike_with_zeros_between) {
  using odd = bpfmap::percpu_array<std::array<std::uint8_t, 3>, bpfmap::reduce::slots>;
  auto const map = test::map_with<odd>({.value_size = 3});
  map.insert_or_assign(0, {1, 2, 3}, bpfmap::all_cpus);
  auto const bytes = fake::last_value();
  BOOST_TEST(bytes.size() == 8 * fake_files::possible_count);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    BOOST_TEST(std::to_integer<std::size_t>(bytes[i]) == (i % 8 < 3 ? i % 8 + 1 : 0));
  }
}

BOOST_AUTO_TEST_SUITE_END()
