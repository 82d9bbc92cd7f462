// SPDX-License-Identifier: MIT
// What only newer kernels have: one CPU's slot, rhash, insn_array; and what older ones say instead.
#include "../support/kernel.hpp"

#include <array>
#include <vector>

namespace ut = boost::unit_test;
using bpfmap::cpu;

namespace {

using hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;
using slots_of = bpfmap::percpu_hash<std::uint32_t, std::uint64_t, bpfmap::reduce::slots>;

bpfmap::cpu_set const& cpus() {
  std::error_code ec;
  return bpfmap::possible_cpus(ec);
}

/// A precondition: the running kernel is older than this.
struct before {
  bpfmap::kernel_version first;

  boost::test_tools::assertion_result operator()(ut::test_unit_id unit) const {
    auto allowed = test::may_use_bpf(unit);
    if (!allowed) return allowed;
    boost::test_tools::assertion_result result(test::running_kernel() < first);
    if (!result) result.message() << "needs a kernel before Linux " << first.major << "." << first.minor;
    return result;
  }
};

std::uint32_t impossible_cpu() { return cpus().highest() + 1; }

}  // namespace

BOOST_AUTO_TEST_SUITE(newer, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(each_cpus_slot_is_read_alone) {
  auto const map = slots_of::create({.name = "slots", .max_entries = 4});
  auto const reduced = hits::from_fd(map.fd());
  BOOST_TEST(!map.find(1, cpu{cpus()[0]}).has_value());
  BOOST_CHECK_THROW((void)map.at(1, cpu{cpus()[0]}), std::out_of_range);
  reduced.insert_or_assign(1, 0);
  auto all = map.at(1);
  for (std::uint32_t const id : cpus()) all[cpu{id}] = 100 + id;
  map.insert_or_assign(1, all);
  std::error_code ec;
  for (std::uint32_t const id : cpus()) {
    BOOST_TEST(map.at(1, cpu{id}) == 100 + id);
    BOOST_TEST(reduced.find(1, cpu{id}, ec).value() == 100 + id);
    BOOST_TEST(!ec);
  }
  BOOST_TEST((map.at(2, cpu{cpus()[0]}, ec) == 0 && ec == std::errc::no_such_file_or_directory));
}

BOOST_AUTO_TEST_CASE(a_cpu_that_there_is_not_is_an_error) {
  auto const map = hits::create({.name = "hits", .max_entries = 4});
  map.insert_or_assign(1, 5);
  auto const message = test::message_of([&] { (void)map.find(1, cpu{impossible_cpu()}); });
  BOOST_TEST(test::has(message, "this machine has no such CPU"), message);
  std::error_code ec;
  map.insert_or_assign(1, 5, cpu{impossible_cpu()}, ec);
  BOOST_TEST((ec == std::errc::no_such_device));
  BOOST_TEST(map.at(1) == 5U);
}

BOOST_AUTO_TEST_CASE(slots_of_odd_sizes_are_read_whole) {
  using three = std::array<std::uint8_t, 3>;
  auto const map = bpfmap::percpu_array<three, bpfmap::reduce::slots>::create({.max_entries = 2});
  three const slot{1, 2, 3};
  map.insert_or_assign(1, slot, bpfmap::all_cpus);
  for (std::uint32_t const id : cpus()) BOOST_TEST((map.at(1, cpu{id}) == slot));
}

BOOST_AUTO_TEST_CASE(all_cpus_get_the_same_slot) {
  auto const check = [](auto const& map) {
    map.insert_or_assign(1, 7, bpfmap::all_cpus);
    BOOST_TEST(map.at(1) == 7 * cpus().size());
    std::error_code ec = bpfmap::make_error(EIO);
    map.insert_or_assign(1, 8, bpfmap::all_cpus, ec);
    BOOST_TEST((!ec && map.at(1) == 8 * cpus().size()));
  };
  check(hits::create({.max_entries = 4}));
  check(bpfmap::lru_percpu_hash<std::uint32_t, std::uint64_t>::create({.max_entries = 64}));
  check(bpfmap::percpu_array<std::uint64_t>::create({.max_entries = 4}));
}

BOOST_AUTO_TEST_CASE(one_cpus_slot_is_written_alone, *ut::precondition(test::since{{7, 0}})) {
  auto const check = [](auto const& map) {
    map.insert_or_assign(1, 10, bpfmap::all_cpus);
    map.insert_or_assign(1, 1, cpu{cpus()[0]});
    BOOST_TEST(map.at(1, cpu{cpus()[0]}) == 1U);
    BOOST_TEST(map.at(1) == 1 + 10 * (cpus().size() - 1));
  };
  check(hits::create({.max_entries = 4}));
  check(bpfmap::lru_percpu_hash<std::uint32_t, std::uint64_t>::create({.max_entries = 64}));
  check(bpfmap::percpu_array<std::uint64_t>::create({.max_entries = 4}));
  auto const map = hits::create({.max_entries = 4});
  map.insert_or_assign(3, 9, cpu{cpus()[0]});
  BOOST_TEST(map.at(3) == 9U, "a new key has zeros for the other CPUs");
}

BOOST_AUTO_TEST_CASE(one_cpus_slot_is_not_written_by_older_kernels, *ut::precondition(before{{7, 0}})) {
  auto const map = hits::create({.name = "hits", .max_entries = 4});
  map.insert_or_assign(1, 5);
  auto const message = test::message_of([&] { map.insert_or_assign(1, 6, cpu{cpus()[0]}); });
  BOOST_TEST(test::has(message, "writing one CPU's slot in one step needs Linux 7.0"), message);
  std::error_code ec;
  map.insert_or_assign(1, 6, cpu{cpus()[0]}, ec);
  BOOST_TEST((ec == std::errc::operation_not_supported));
  BOOST_TEST(map.at(1) == 5U);
}

BOOST_AUTO_TEST_CASE(an_rhash_behaves_like_a_hash, *ut::precondition(test::since{{7, 2}})) {
  auto const map = bpfmap::rhash<std::uint32_t, std::uint64_t>::create({.name = "rhash", .max_entries = 2000});
  for (std::uint32_t i = 0; i < 1000; ++i) BOOST_TEST(map.insert(i, i));
  BOOST_TEST(!map.insert(5, 6));
  BOOST_TEST(map.extract(5).value() == 5U);
  BOOST_TEST(map.size() == 999U);
  BOOST_TEST(map.counted_by() == bpfmap::counting::batch_walk);
}
BOOST_AUTO_TEST_CASE(an_rhash_on_an_older_kernel_says_which_it_needs, *ut::precondition(before{{7, 2}})) {
  auto const message =
      test::message_of([] { (void)bpfmap::rhash<std::uint32_t, std::uint64_t>::create({.max_entries = 1}); });
  BOOST_TEST(test::has(message, "needs Linux 7.2"), message);
}

BOOST_AUTO_TEST_CASE(an_insn_array_takes_places_of_instructions, *ut::precondition(test::since{{6, 19}})) {
  auto const map = bpfmap::insn_array::create({.name = "places", .max_entries = 4});
  BOOST_TEST(map.size() == 4U);
  map.insert_or_assign(2, {.original = 17});
  BOOST_TEST((map.at(2) == bpfmap::instruction_place{.original = 17}));
  BOOST_TEST((map.at(1) == bpfmap::instruction_place{}));
  std::error_code ec;
  map.insert_or_assign(2, {.original = 17, .translated = 1}, ec);
  BOOST_TEST((ec == std::errc::invalid_argument));
  std::uint32_t seen = 0;
  for (auto const& [index, place] : map) seen += place.original == (index == 2 ? 17U : 0U) ? 1 : 0;
  BOOST_TEST(seen == 4U);
}
BOOST_AUTO_TEST_CASE(an_insn_array_on_an_older_kernel_says_which_it_needs, *ut::precondition(before{{6, 19}})) {
  auto const message = test::message_of([] { (void)bpfmap::insn_array::create({.max_entries = 1}); });
  BOOST_TEST(test::has(message, "needs Linux 6.19"), message);
}

BOOST_AUTO_TEST_SUITE_END()
