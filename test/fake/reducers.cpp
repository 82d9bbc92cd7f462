// SPDX-License-Identifier: MIT
// Reducers are the user's: they may throw, and may look into other maps.
#include "ring.hpp"

#include <array>
#include <exception>
#include <new>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

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
int fails_after = -1;  // so many elements; never if negative

struct fragile {
  std::uint64_t operator()(bpfmap::per_cpu_view<std::uint64_t const> slots) const {
    if (fails || (fails_after >= 0 && fails_after-- == 0)) throw std::runtime_error("not now");
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

BOOST_AUTO_TEST_CASE(that_throw_while_an_element_is_taken_out_leave_it_in_the_map) {
  auto const map = with_slots<fragile_map>(7);
  map.insert_or_assign(8, 1);
  std::error_code ec;
  fails = true;
  BOOST_CHECK_THROW((void)map.extract(7), std::runtime_error);
  BOOST_CHECK_THROW((void)map.extract(7, ec), std::runtime_error);
  fails = false;
  BOOST_TEST(map.extract(7).value() == 220U);
  BOOST_TEST(!map.contains(7));
  BOOST_TEST(map.at(8) == 1U);
}

// At every element, the first and the last too, by batch and by keys.
BOOST_AUTO_TEST_CASE(that_throw_while_all_is_taken_out_lose_nothing) {
  for (bool const by_keys : {false, true}) {
    for (int failing = 0; failing <= 20; ++failing) {
      BOOST_TEST_CONTEXT("element " << failing << (by_keys ? ", by keys" : ", by batch")) {
        auto const map = filled<fragile_map>(20, {.max_entries = 64});
        if (by_keys) fake::fail(call::extract_batch, 524, fake::forever);
        std::vector<fragile_map::value_type> out;
        fails_after = failing;
        bool thrown = false;
        try {
          (void)map.extract_all(out);
        } catch (std::runtime_error const&) {
          thrown = true;
        }
        fails_after = -1;
        BOOST_TEST(thrown == (failing < 20));
        BOOST_TEST(out.size() == static_cast<std::size_t>(failing));
        (void)map.extract_all(out);
        std::set<std::uint32_t> keys;
        for (auto const& [key, value] : out) {
          keys.insert(key);
          BOOST_TEST(value == key + 1);
        }
        BOOST_TEST(out.size() == 20U);
        BOOST_TEST(keys.size() == 20U);
        fake::reset();
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(that_find_no_memory_while_elements_are_taken_out_lose_nothing) {
  using raw = bpfmap::percpu_hash<std::uint32_t, std::uint64_t, bpfmap::reduce::slots>;
  auto const map = with_slots<raw>(7);
  std::vector<raw::value_type> out;
  out.reserve(100);
  (void)map.find(7);  // the thread has its room
  auto const refused = [&](auto const& take) {
    bool thrown = false;
    try {
      heap::limit const none(0);
      take();
    } catch (std::bad_alloc const&) {
      thrown = true;
    }
    return thrown;
  };
  BOOST_TEST(refused([&] { (void)map.extract(7); }));
  BOOST_TEST(map.contains(7));
  BOOST_TEST(refused([&] { (void)map.extract_all(out); }));
  BOOST_TEST(map.contains(7));
  BOOST_TEST(map.extract(7).has_value());
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
