// SPDX-License-Identifier: MIT
// size(): which way it counts, when it changes its mind, and what it does when the kernel says no.
#include "ring.hpp"

#include <csignal>
#include <limits>
#include <utility>
#include <vector>

namespace {

using bpfmap::counting;
using fake::call;
using test::filled;
using test::flows;
using test::has;

constexpr std::uint32_t block = 4096;

// What setting the counter up is worth, in elements: the first time in a process, and later.
constexpr std::uint32_t first_cost = 24'576;
constexpr std::uint32_t later_cost = 256;

/// The fake ring, in a process that has looked the kernel's function up before.
struct known : test::ring {
  known() { test::know_the_counter(); }
};

/// In one that has not.
struct unknown : test::ring {
  unknown() { test::forget(bpfmap::detail::the_element_count_function); }
};

struct cost_of {
  std::size_t batches = fake::calls(call::lookup_batch);
  std::size_t loads = fake::calls(call::program_load);
  std::size_t runs = fake::calls(call::program_run);
};

// What happened since `before`.
bool cost(cost_of const& before, std::size_t batches, std::size_t loads, std::size_t runs) {
  cost_of const now;
  BOOST_TEST(now.batches - before.batches == batches);
  BOOST_TEST(now.loads - before.loads == loads);
  BOOST_TEST(now.runs - before.runs == runs);
  return true;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(size, known)

BOOST_AUTO_TEST_CASE(of_an_array_is_its_entries_without_a_system_call) {
  auto const plain = test::map_with<test::table>({.max_entries = 77});
  auto const slots = test::map_with<test::drops>({.max_entries = 78});
  cost_of const before;
  BOOST_TEST(plain.counted_by() == counting::none);
  BOOST_TEST(plain.size() == 77U);
  BOOST_TEST(slots.size() == 78U);
  BOOST_TEST(plain.counted_by() == counting::constant);
  cost(before, 0, 0, 0);
}

BOOST_AUTO_TEST_CASE(of_a_small_map_is_walked_and_loads_nothing) {
  auto const map = filled<flows>(10);
  cost_of const before;
  BOOST_TEST(map.size() == 10U);
  BOOST_TEST(map.counted_by() == counting::batch_walk);
  cost(before, 1, 0, 0);
}

BOOST_AUTO_TEST_CASE(of_a_small_map_asked_often_comes_to_the_counter_when_that_has_paid) {
  auto const map = filled<flows>(15);
  cost_of const before;
  // Each walk counts its elements and one: the 17th would be more than 256.
  for (int i = 0; i < 16; ++i) BOOST_TEST(map.size() == 15U);
  BOOST_TEST(map.counted_by() == counting::batch_walk);
  cost(before, 16, 0, 0);
  for (int i = 0; i < 10; ++i) BOOST_TEST(map.size() == 15U);
  BOOST_TEST(map.counted_by() == counting::kernel_counter);
  cost(before, 16, 1, 10);
}

BOOST_AUTO_TEST_CASE(of_a_large_map_asks_the_counter_in_the_middle_of_the_first_walk) {
  auto const map = filled<flows>(3 * block, {.max_entries = 3 * block});
  cost_of const before;
  BOOST_TEST(map.size() == 3 * block);
  BOOST_TEST(map.counted_by() == counting::kernel_counter);
  cost(before, 1, 1, 1);
  BOOST_TEST(map.size() == 3 * block);
  cost(before, 1, 1, 2);
}

BOOST_AUTO_TEST_CASE(of_an_empty_map_with_room_for_many_asks_the_counter_at_once) {
  auto const map = filled<flows>(0, {.max_entries = later_cost * 128});
  cost_of const before;
  BOOST_TEST(map.size() == 0U);
  BOOST_TEST(map.counted_by() == counting::kernel_counter);
  cost(before, 0, 1, 1);
  auto const smaller = filled<flows>(0, {.max_entries = later_cost * 128 - 1});
  BOOST_TEST(smaller.size() == 0U);
  BOOST_TEST(smaller.counted_by() == counting::batch_walk);
}

BOOST_AUTO_TEST_CASE(of_every_hash_type_comes_from_the_counter) {
  auto const check = [](auto const& map) {
    for (std::uint32_t i = 0; i < 600; ++i) map.insert_or_assign(i, 1);
    BOOST_TEST(map.size() == 600U);
    BOOST_TEST(map.counted_by() == counting::kernel_counter);
  };
  fake::shape const made{.max_entries = 1024};
  check(test::map_with<flows>(made));
  check(test::map_with<test::hits>(made));
  check(test::map_with<bpfmap::lru_hash<std::uint32_t, std::uint64_t>>(made));
  check(test::map_with<bpfmap::lru_percpu_hash<std::uint32_t, std::uint64_t>>(made));
}

BOOST_AUTO_TEST_CASE(is_walked_where_the_program_is_refused_and_asks_only_once) {
  for (int const number : {EPERM, EACCES, EINVAL, ENOTSUP, 524, ENOSYS}) {
    BOOST_TEST_CONTEXT("errno " << number) {
      auto const map = filled<flows>(3 * block, {.max_entries = 3 * block});
      fake::fail(call::program_load, number, fake::forever);
      cost_of const before;
      for (int i = 0; i < 3; ++i) BOOST_TEST(map.size() == 3 * block);
      BOOST_TEST(map.counted_by() == counting::batch_walk);
      cost(before, 9, 1, 0);
      fake::reset();
    }
  }
}

BOOST_AUTO_TEST_CASE(is_walked_by_keys_where_batches_are_refused_too) {
  auto const map = filled<flows>(700, {.max_entries = 1024});
  fake::fail(call::program_load, EPERM, fake::forever);
  fake::fail(call::lookup_batch, 524, fake::forever);
  BOOST_TEST(map.size() == 700U);
  BOOST_TEST(map.counted_by() == counting::key_walk);
}

BOOST_AUTO_TEST_CASE(is_walked_while_the_program_does_not_run) {
  auto const map = filled<flows>(700, {.max_entries = 1024});
  BOOST_TEST(map.size() == 700U);
  BOOST_TEST(map.counted_by() == counting::kernel_counter);
  for (int const number : {EPERM, EINVAL, EAGAIN, 524}) {
    fake::fail(call::program_run, number, fake::forever);
    BOOST_TEST(map.size() == 700U);
    BOOST_TEST(map.counted_by() == counting::batch_walk);
    fake::reset_script(call::program_run);
    BOOST_TEST(map.size() == 700U);
    BOOST_TEST(map.counted_by() == counting::kernel_counter);
  }
}

BOOST_AUTO_TEST_CASE(goes_on_walking_where_the_program_loads_and_does_not_run) {
  auto const map = filled<flows>(3 * block, {.max_entries = 3 * block});
  fake::fail(call::program_run, EPERM, fake::forever);
  BOOST_TEST(map.size() == 3 * block);
  BOOST_TEST(map.counted_by() == counting::batch_walk);
}

BOOST_AUTO_TEST_CASE(is_never_negative_and_may_be_huge) {
  auto const map = filled<flows>(700, {.max_entries = 1024});
  for (std::int64_t const number : {std::int64_t{-1}, std::numeric_limits<std::int64_t>::min(), std::int64_t{0}}) {
    fake::answer_count(number);
    BOOST_TEST(map.size() == 0U);
    BOOST_TEST(map.counted_by() == counting::kernel_counter);
    BOOST_TEST(map.empty());
  }
  fake::answer_count(std::int64_t{1} << 40);
  BOOST_TEST(map.size() == std::uint64_t{1} << 40);
  BOOST_TEST(!map.empty());
}

BOOST_AUTO_TEST_CASE(that_cannot_be_told_is_an_error_and_no_number) {
  auto const map = filled<flows>(10);
  for (int const number : {EPERM, EFAULT, EBADF, ENOMEM}) {
    fake::fail(call::lookup_batch, number, 2);
    std::error_code ec;
    BOOST_TEST(map.size(ec) == 0U);
    BOOST_TEST(ec.value() == number);
    auto const error = test::error_of([&] { (void)map.size(); });
    BOOST_TEST(error.operation == "size");
    BOOST_TEST(error.code.value() == number);
  }
  BOOST_TEST(map.counted_by() == counting::none);
  BOOST_TEST(!test::code_of([&](auto& ec) { (void)map.size(ec); }));
}

BOOST_AUTO_TEST_CASE(in_the_middle_of_which_a_batch_fails_is_an_error) {
  auto const map = filled<flows>(3 * block, {.max_entries = 3 * block});
  fake::fail(call::program_load, EPERM, fake::forever);
  fake::fail(call::lookup_batch, EFAULT, 1, 2);
  std::error_code ec;
  BOOST_TEST(map.size(ec) == 0U);
  BOOST_TEST(ec.value() == EFAULT);
  BOOST_TEST(map.size() == 3 * block);
}

BOOST_AUTO_TEST_CASE(moves_with_its_program_and_leaves_none_behind) {
  auto map = filled<flows>(700, {.max_entries = 1024});
  BOOST_TEST(map.size() == 700U);
  auto moved = std::move(map);
  cost_of const before;
  BOOST_TEST(moved.size() == 700U);
  cost(before, 0, 0, 1);
  auto other = filled<flows>(800, {.max_entries = 1024});
  BOOST_TEST(other.size() == 800U);
  moved = std::move(other);
  BOOST_TEST(moved.size() == 800U);
  std::error_code ec;
  BOOST_TEST(other.size(ec) == 0U);  // NOLINT(bugprone-use-after-move)
  BOOST_TEST(ec.value() == EBADF);
  // That no descriptor is left open is what the fixture looks at.
}

BOOST_AUTO_TEST_CASE(of_a_clone_is_counted_by_a_program_of_its_own) {
  auto const map = filled<flows>(700, {.max_entries = 1024});
  BOOST_TEST(map.size() == 700U);
  auto const clone = map.clone();
  BOOST_TEST(clone.counted_by() == counting::none);
  BOOST_TEST(clone.size() == 700U);
  BOOST_TEST(clone.counted_by() == counting::kernel_counter);
}

BOOST_AUTO_TEST_CASE(makes_empty_ask_the_counter_once_that_is_set_up) {
  auto const map = filled<flows>(700, {.max_entries = 1024});
  BOOST_TEST(map.size() == 700U);
  auto const keys = fake::calls(call::next_key);
  BOOST_TEST(!map.empty());
  BOOST_TEST(fake::calls(call::next_key) == keys);
}

// A lack of memory or of descriptors passes, unlike a lack of privileges.
BOOST_AUTO_TEST_CASE(asks_for_the_counter_again_after_a_passing_lack_of_descriptors) {
  auto const map = filled<flows>(700, {.max_entries = 1024});
  fake::fail(call::program_load, EMFILE);
  BOOST_TEST(map.size() == 700U);
  BOOST_TEST(map.counted_by() == counting::batch_walk);
  BOOST_TEST(map.size() == 700U);
  BOOST_TEST(map.counted_by() == counting::kernel_counter);
}

// Signals end the verifier's work (EAGAIN), and on older kernels a run (EINTR).
BOOST_AUTO_TEST_CASE(is_asked_for_once_more_with_signals_held_back_where_one_interrupted) {
  ::sigset_t before;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  std::vector<bool> held;
  auto const look = [&] {
    ::sigset_t now;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &now);
    held.push_back(::sigismember(&now, SIGALRM) == 1);
  };
  fake::before(call::program_load, look);
  fake::before(call::program_run, look);
  auto const map = filled<flows>(700, {.max_entries = 1024});
  fake::fail(call::program_load, EAGAIN);
  fake::fail(call::program_run, EINTR);
  BOOST_TEST(map.size() == 700U);
  BOOST_TEST(map.counted_by() == counting::kernel_counter);
  BOOST_TEST((held == std::vector<bool>{false, true, false, true}));
  ::sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int number = 1; number < 32; ++number)
    BOOST_TEST(::sigismember(&before, number) == ::sigismember(&after, number));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(first_size, unknown)

BOOST_AUTO_TEST_CASE(in_a_process_is_walked_for_longer_before_the_kernels_btf_is_read) {
  auto const map = filled<flows>(8 * block, {.max_entries = 8 * block});
  cost_of const before;
  BOOST_TEST(map.size() == 8 * block);
  cost(before, first_cost / block, 1, 1);
  BOOST_TEST(bpfmap::detail::the_element_count_function.exists());
}

BOOST_AUTO_TEST_CASE(in_a_process_of_a_middling_map_reads_no_btf) {
  auto const map = filled<flows>(4000, {.max_entries = block});
  cost_of const before;
  BOOST_TEST(map.size() == 4000U);
  BOOST_TEST(map.counted_by() == counting::batch_walk);
  cost(before, 1, 0, 0);
  BOOST_TEST(!bpfmap::detail::the_element_count_function.exists());
}

BOOST_AUTO_TEST_SUITE_END()
