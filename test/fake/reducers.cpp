// SPDX-License-Identifier: MIT
// Reducers are the user's: they may throw, and may look into other maps.
#include "ring.hpp"

#include <array>
#include <exception>
#include <stdexcept>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using fake::call;
using test::filled;
using test::hits;

constexpr std::uint32_t ids[fake_files::possible_count] = {0, 2, 3, 4, 5, 8};

// Slots as programs have left them: CPU id times ten.
template <class Map>
Map with_slots(std::uint32_t key) {
  auto map = test::map_with<Map>({});
  std::array<std::uint64_t, fake_files::possible_count> slots{};
  for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = ids[i] * 10;
  fake::put(map.fd(), &key, slots.data());
  return map;
}

bool fails = false;

struct fragile {
  std::uint64_t operator()(bpfmap::per_cpu_view<std::uint64_t const> slots) const {
    if (fails) throw std::runtime_error("not now");
    return bpfmap::reduce::sum{}(slots);
  }
  void scatter(std::uint64_t const& value, bpfmap::per_cpu_view<std::uint64_t> slots) const {
    if (fails) throw std::runtime_error("not now");
    (void)bpfmap::reduce::sum{}.scatter(value, slots);
  }
};

hits const* weights = nullptr;

// Adds what another map says of the sum's last digit, and reads the slots before and after that.
struct nested {
  std::uint64_t operator()(bpfmap::per_cpu_view<std::uint64_t const> slots) const {
    std::uint64_t const before = bpfmap::reduce::sum{}(slots);
    std::uint64_t const weight = weights->at(1);
    return bpfmap::reduce::sum{}(slots) == before ? before + weight : 0;
  }
};

using fragile_map = bpfmap::percpu_hash<std::uint32_t, std::uint64_t, fragile>;
using nested_map = bpfmap::percpu_hash<std::uint32_t, std::uint64_t, nested>;

static_assert(noexcept(std::declval<hits const&>().find(1, std::declval<std::error_code&>())));
static_assert(!noexcept(std::declval<fragile_map const&>().find(1, std::declval<std::error_code&>())));

}  // namespace

BOOST_FIXTURE_TEST_SUITE(reducers, test::ring)

BOOST_AUTO_TEST_CASE(that_throw_reach_the_user_and_leave_the_map_usable) {
  auto const map = with_slots<fragile_map>(7);
  BOOST_TEST(map.at(7) == 220U);
  fails = true;
  std::error_code ec;
  BOOST_CHECK_THROW((void)map.at(7), std::runtime_error);
  BOOST_CHECK_THROW((void)map.find(7), std::runtime_error);
  BOOST_CHECK_THROW((void)map.find(7, ec), std::runtime_error);
  BOOST_CHECK_THROW(for ([[maybe_unused]] auto const& each : map){}, std::runtime_error);
  BOOST_CHECK_THROW(map.for_each([](auto&&...) {}), std::runtime_error);
  BOOST_TEST(map.contains(7));  // reduces nothing
  fails = false;
  // The thread has its room back: no new one is taken.
  auto const before = heap::allocations();
  std::uint64_t const found = map.at(7);
  auto const after = heap::allocations();
  BOOST_TEST(found == 220U);
  BOOST_TEST(after == before);
}

BOOST_AUTO_TEST_CASE(that_throw_while_an_element_is_taken_out_lose_it_and_nothing_else) {
  auto const map = with_slots<fragile_map>(7);
  map.insert_or_assign(8, 1);
  fails = true;
  BOOST_CHECK_THROW((void)map.extract(7), std::runtime_error);
  fails = false;
  BOOST_TEST(!map.contains(7));
  BOOST_TEST(map.at(8) == 1U);
}

// In a process of its own, because the wrong answer is to end it.
BOOST_AUTO_TEST_CASE(whose_scatter_throws_reach_the_user_of_the_throwing_functions) {
  auto const map = with_slots<fragile_map>(7);
  pid_t const child = ::fork();
  if (child == 0) {
    std::set_terminate([] { ::_exit(2); });
    fails = true;
    try {
      map.insert_or_assign(7, 1);
    } catch (std::runtime_error const&) {
      ::_exit(0);
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(1);
  }
  int status = -1;
  BOOST_TEST(::waitpid(child, &status, 0) == child);
  BOOST_TEST(WIFEXITED(status));
  BOOST_TEST(WEXITSTATUS(status) == 0, "the process was ended by std::terminate");
}

BOOST_AUTO_TEST_CASE(that_read_another_map_keep_their_own_slots) {
  auto const other = filled<hits>(3);
  weights = &other;
  auto const map = with_slots<nested_map>(7);
  BOOST_TEST(map.at(7) == 222U);
  for (auto const value : map.values()) BOOST_TEST(value == 222U);
  BOOST_TEST(map.at(7) == 222U);
  // A nested read that fails gives the room back as well.
  fake::fail(call::lookup, EPERM, 1, 1);
  BOOST_CHECK_THROW((void)map.at(7), bpfmap::error);
  BOOST_TEST(map.at(7) == 222U);
  BOOST_TEST(other.at(2) == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
