// SPDX-License-Identifier: MIT
// What is made when it is first needed: what of a failure is remembered, and who makes what.
#include <bpfmap/core/made_once.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cerrno>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using bpfmap::detail::made_once;
using bpfmap::detail::owned_once;

namespace {

// Ready before main(), and never gone.
constinit made_once<int> early;
static_assert(std::is_trivially_destructible_v<made_once<std::vector<int>>>);
static_assert(std::is_nothrow_move_constructible_v<owned_once<int>> && !std::is_copy_constructible_v<owned_once<int>>);

/// Counts the living.
struct counted {
  static inline int alive = 0;
  int number = 0;
  counted() { ++alive; }
  counted(counted const&) = delete;
  counted& operator=(counted const&) = delete;
  ~counted() { --alive; }
};

template <class Once>
int fails_with(Once const& once, int number) {
  std::error_code ec;
  auto const* const made = once.get([number](auto&, std::error_code& why) { why = bpfmap::make_error(number); }, ec);
  return made == nullptr ? ec.value() : -1;
}

template <class Once>
int made(Once const& once, int number, std::uint32_t process = 0) {
  std::error_code ec;
  auto const* const it = once.get([number](int& to, std::error_code&) { to = number; }, ec, process);
  return it == nullptr ? -ec.value() : *it;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(what_is_made_once)

BOOST_AUTO_TEST_CASE(is_the_same_for_all_who_ask) {
  BOOST_TEST(!early.exists());
  BOOST_TEST((early.find() == nullptr));
  BOOST_TEST(made(early, 7) == 7);
  BOOST_TEST(made(early, 8) == 7);
  BOOST_TEST(fails_with(early, EPERM) == -1, "nothing is made any more");
  BOOST_TEST(*early.find() == 7);
}

BOOST_AUTO_TEST_CASE(is_tried_again_after_what_may_pass) {
  static constinit made_once<int> once;  // for the life of the process, as its like are
  for (int const passing : {EMFILE, ENFILE, ENOMEM, EAGAIN, EINTR}) BOOST_TEST(fails_with(once, passing) == passing);
  BOOST_TEST(once.refusal() == 0);
  BOOST_TEST(made(once, 1) == 1);
}

BOOST_AUTO_TEST_CASE(is_not_tried_again_after_what_stays) {
  static constinit made_once<int> once;
  BOOST_TEST(fails_with(once, EPERM) == EPERM);
  BOOST_TEST(fails_with(once, ENOENT) == EPERM);
  BOOST_TEST(made(once, 1) == -EPERM);
  BOOST_TEST(once.refusal() == EPERM);
}

BOOST_AUTO_TEST_CASE(is_made_anew_for_another_process_and_all_goes_with_its_owner) {
  auto const one = [](counted& it, std::error_code&) noexcept { it.number = 1; };
  auto const two = [](counted& it, std::error_code&) noexcept { it.number = 2; };
  {
    owned_once<counted> once;
    std::error_code ec;
    counted const* const first = once.get(one, ec, 1);
    counted const* const second = once.get(two, ec, 2);
    BOOST_TEST(first->number == 1);
    BOOST_TEST(second->number == 2);
    BOOST_TEST(once.find(2) == second);
    BOOST_TEST((once.find(3) == nullptr));
    BOOST_TEST(counted::alive == 2, "the parent's is not touched");
    owned_once<counted> moved = std::move(once);
    BOOST_TEST(moved.find(2) == second);
    BOOST_TEST(!once.exists());  // NOLINT(bugprone-use-after-move)
    auto& itself = moved;        // GCC 13 and newer see through less
    moved = std::move(itself);
    BOOST_TEST(moved.find(2) == second);
    moved = owned_once<counted>();
    BOOST_TEST(counted::alive == 0);
    (void)moved.get(one, ec);
    BOOST_TEST(counted::alive == 1);
  }
  BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(is_one_for_threads_that_need_it_at_once) {
  for (int round = 0; round < 100; ++round) {
    owned_once<int> const once;
    std::atomic<int> making{0};
    std::vector<int const*> given(3);
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] {
        std::error_code ec;
        given[static_cast<std::size_t>(i)] = once.get(
            [&](int& it, std::error_code&) {
              // All are at it at the same time: nobody waits for another to be done.
              ++making;
              while (making < 3) std::this_thread::yield();
              it = i;
            },
            ec);
      });
    }
    for (auto& each : threads) each.join();
    BOOST_TEST_REQUIRE((given[0] == given[1] && given[1] == given[2] && given[0] != nullptr));
  }
}

BOOST_AUTO_TEST_SUITE_END()
