// SPDX-License-Identifier: MIT
// Keys and values of every shape, structs in inner maps, and what bpfmap.bpf.h costs the verifier.
#include "../../bpf/side.h"
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <array>
#include <cstring>
#include <vector>

namespace ut = boost::unit_test;

namespace {

struct keyed_histogram {
  std::array<std::uint64_t, 64> slots;
  std::uint64_t total;
};
struct inner_key {
  std::uint32_t a, b;
};
struct inner_value {
  std::uint64_t packets, bytes;
};

struct shapes {
  bpfmap::object object = test::loaded("side_shapes");

  void run(char const* name) {
    std::error_code ec;
    test::run_on(object.program(name), bpfmap::online_cpus(ec)[0], 1);
    BOOST_TEST(object.global<std::int64_t>("result") == 0);
  }

  /// How many instructions the verifier went through; 0: the kernel does not tell (before 5.16).
  std::uint32_t verified(char const* name) {
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    BOOST_REQUIRE(bpf_obj_get_info_by_fd(object.program(name).fd(), &info, &size) == 0);
    return info.verified_insns;
  }

  std::uint32_t linear(std::int64_t value, std::int64_t low) {
    object.global<std::int64_t>("value") = value;
    object.global<std::int64_t>("low") = low;
    run("shapes_linear");
    return object.global<std::uint32_t>("linear_slot");
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bpf_side_shapes, shapes, *ut::precondition(test::since{{5, 19}}))

BOOST_AUTO_TEST_CASE(values_larger_than_the_stack_are_made_and_counted_in) {
  run("shapes_large");
  run("shapes_large");
  auto const shared = object.map<bpfmap::hash<std::uint32_t, keyed_histogram>>("shared_histograms").at(1);
  BOOST_TEST(shared.slots[3] == 4U);
  BOOST_TEST(shared.slots[4] == 0U);
  auto const summed = object.map<bpfmap::percpu_hash<std::uint32_t, keyed_histogram>>("histograms").at(1);
  BOOST_TEST(summed.slots[3] == 6U);
  BOOST_TEST(summed.total == 2U);
}

BOOST_AUTO_TEST_CASE(packed_members_are_counted_in_and_keys_may_be_volatile) {
  run("shapes_packed");
  run("shapes_packed");
  side_key const key{1, 2};
  std::error_code ec;
  std::size_t const stride = 16;  // 15 bytes, rounded up to 8
  std::vector<std::byte> slots(stride * bpfmap::possible_cpus(ec).size());
  BOOST_REQUIRE(bpf_map_lookup_elem(bpf_map__fd(object.map("packed").get()), &key, slots.data()) == 0);
  std::byte const* const slot = slots.data();  // of the first possible CPU
  std::uint64_t u64 = 0;
  std::uint16_t u16 = 0;
  std::uint32_t u32 = 0;
  std::memcpy(&u64, slot + 1, sizeof u64);
  std::memcpy(&u16, slot + 9, sizeof u16);
  std::memcpy(&u32, slot + 11, sizeof u32);
  BOOST_TEST(u64 == 0x200000002ULL);
  BOOST_TEST(u16 == 14);
  BOOST_TEST(u32 == 18U);
}

BOOST_AUTO_TEST_CASE(keys_may_be_compound_literals_and_values_volatile) {
  run("shapes_literals");
  BOOST_TEST((object.map<bpfmap::hash<side_key, std::uint64_t>>("plain").at(side_key{1, 2})) == 5U);
}

BOOST_AUTO_TEST_CASE(an_array_is_sent_whole) {
  run("shapes_emit");
  // Two records, each with a header of 8 bytes: 24 and 16.
  BOOST_TEST(object.global<std::uint64_t>("available") == 32U + 24U);
}

BOOST_AUTO_TEST_CASE(linear_slots_are_right_below_zero) {
  BOOST_TEST(linear(-1, 0) == 0U);
  BOOST_TEST(linear(0, 0) == 1U);
  BOOST_TEST(linear(-51, -50) == 0U);
  BOOST_TEST(linear(-50, -50) == 1U);
  BOOST_TEST(linear(-41, -50) == 1U);
  BOOST_TEST(linear(49, -50) == 10U);
  BOOST_TEST(linear(50, -50) == 11U);
  BOOST_TEST(linear(INT64_MAX, INT64_MIN) == 11U);
}

BOOST_AUTO_TEST_CASE(inner_maps_have_structs_as_keys_and_values) {
  run("shapes_inner");
  BOOST_TEST((object.map<bpfmap::hash<inner_key, inner_value>>("named").at(inner_key{1, 2}).bytes) == 4U);
}

// Measured on 6.18: 73, 4,744, 336, 21,510. Before: 118, refused, 5,373, refused.
BOOST_AUTO_TEST_CASE(reductions_cost_the_verifier_little_in_loops_too) {
  if (verified("cost_sum") == 0) return;
  BOOST_TEST(verified("cost_sum") < 250U);
  BOOST_TEST(verified("cost_sum_loop") < 20'000U);
  BOOST_TEST(verified("cost_min") < 1'500U);
  BOOST_TEST(verified("cost_max_loop") < 100'000U);
}

BOOST_AUTO_TEST_SUITE_END()
