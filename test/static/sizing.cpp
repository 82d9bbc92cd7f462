// SPDX-License-Identifier: MIT
// core/sizing.hpp: how many entries a perf event array has, on machines of many shapes.

#include <bpfmap/core/sizing.hpp>

#include "print.hpp"
#include "slots.hpp"

#include <string_view>
#include <type_traits>

namespace {

using namespace bpfmap;

cpu_topology machine(std::string_view possible, std::string_view online) {
  return {test::cpus(possible), test::cpus(online)};
}

struct twice {
  long operator()(cpu_topology const& cpus) const { return 2L * cpus.possible.highest(); }
};
struct says_a_set {
  cpu_set operator()(cpu_topology const& cpus) const { return cpus.possible; }
};
struct changes {
  std::uint32_t operator()(cpu_topology const&) { return 1; }
};
struct wants_a_number {
  std::uint32_t operator()(int) const { return 1; }
};
struct has_state {
  explicit has_state(int) {}
  std::uint32_t operator()(cpu_topology const&) const { return 1; }
};
struct not_partial : twice {
  static constexpr bool partial = false;
};

static_assert(sizing_policy<sizing::possible_cpus> && sizing_policy<sizing::online_cpus>);
static_assert(sizing_policy<sizing::fixed<32>> && sizing_policy<sizing::at_most<64>> && sizing_policy<twice>);
static_assert(sizing_policy<decltype([](cpu_topology const&) { return 32U; })>);
static_assert(!sizing_policy<int> && !sizing_policy<void> && !sizing_policy<says_a_set> && !sizing_policy<changes>);
static_assert(!sizing_policy<wants_a_number> && !sizing_policy<has_state> && !sizing_policy<std::uint32_t (*)()>);

template <std::uint32_t N>
concept can_be_fixed = requires { typename sizing::fixed<N>; };
template <std::uint32_t N>
concept can_be_at_most = requires { typename sizing::at_most<N>; };
static_assert(can_be_fixed<1> && !can_be_fixed<0> && can_be_at_most<~0U> && !can_be_at_most<0>);

static_assert(detail::may_be_partial<sizing::at_most<1>> && !detail::may_be_partial<sizing::possible_cpus>);
static_assert(!detail::may_be_partial<sizing::fixed<1>> && !detail::may_be_partial<sizing::online_cpus>);
static_assert(!detail::may_be_partial<twice> && !detail::may_be_partial<not_partial>);

}  // namespace

BOOST_AUTO_TEST_SUITE(sizing_hpp)

BOOST_AUTO_TEST_CASE(by_default_every_cpu_that_may_come_up_has_an_entry) {
  BOOST_TEST(sizing::possible_cpus{}(machine("0-7", "0-3")) == 8U);
  BOOST_TEST(sizing::possible_cpus{}(machine("0,2,64", "0")) == 65U);
  BOOST_TEST(sizing::possible_cpus{}(machine("0", "0")) == 1U);
}

BOOST_AUTO_TEST_CASE(online_cpus_has_entries_up_to_the_highest_id_and_not_as_many_as_cpus) {
  BOOST_TEST(sizing::online_cpus{}(machine("0-7", "0-3")) == 4U);
  BOOST_TEST(sizing::online_cpus{}(machine("0-7", "1,6")) == 7U);
}

BOOST_AUTO_TEST_CASE(fixed_is_the_same_on_every_machine) {
  BOOST_TEST(sizing::fixed<32>{}(machine("0-7", "0-3")) == 32U);
  BOOST_TEST(sizing::fixed<32>{}(machine("0-127", "0-127")) == 32U);
}

BOOST_AUTO_TEST_CASE(at_most_follows_the_machine_up_to_its_limit) {
  BOOST_TEST(sizing::at_most<64>{}(machine("0-7", "0-3")) == 8U);
  BOOST_TEST(sizing::at_most<64>{}(machine("0-63", "0")) == 64U);
  BOOST_TEST(sizing::at_most<64>{}(machine("0-127", "0")) == 64U);
}

BOOST_AUTO_TEST_SUITE_END()
