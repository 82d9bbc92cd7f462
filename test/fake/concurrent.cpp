// SPDX-License-Identifier: MIT
// One map object used by many threads at once. ThreadSanitizer runs these too.
#include "ring.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace {

using bpfmap::counting;
using fake::call;
using test::filled;
using test::flows;

/// Lets nobody through before `count` threads have come, the first time.
class gate {
 public:
  explicit gate(int count) : missing_(count) {}
  void pass() {
    std::unique_lock lock(mutex_);
    if (missing_ > 0 && --missing_ == 0) open_.notify_all();
    open_.wait(lock, [&] { return missing_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable open_;
  int missing_;
};

template <class F>
void in_threads(int count, F const& work) {
  gate start(count);
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      start.pass();
      work(i);
    });
  }
  for (auto& each : threads) each.join();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(concurrent, test::ring)

BOOST_AUTO_TEST_CASE(set_ups_of_the_counter_leave_one_program_and_no_other_descriptor) {
  test::know_the_counter();
  for (int round = 0; round < 20; ++round) {
    std::array<std::uint64_t, 2> sizes{};
    std::size_t const before = test::open_descriptors();
    {
      auto const map = filled<flows>(700, {.max_entries = 1024});
      auto const loads = fake::calls(call::program_load);
      gate both(2);
      fake::before(call::program_load, [&] { both.pass(); });
      in_threads(2, [&](int i) { sizes[static_cast<std::size_t>(i)] = map.size(); });
      BOOST_TEST(fake::calls(call::program_load) - loads == 2U);
      BOOST_TEST((sizes[0] == 700 && sizes[1] == 700));
      BOOST_TEST(map.counted_by() == counting::kernel_counter);
      BOOST_TEST(test::open_descriptors() == before + 2);  // the map and one program
      fake::before(call::program_load, {});
    }
    BOOST_TEST(test::open_descriptors() == before);
  }
}

BOOST_AUTO_TEST_CASE(set_ups_of_which_one_is_refused_still_count_right) {
  test::know_the_counter();
  std::array<std::uint64_t, 2> sizes{};
  auto const map = filled<flows>(700, {.max_entries = 1024});
  gate both(2);
  fake::fail(call::program_load, EPERM, 1);
  fake::before(call::program_load, [&] { both.pass(); });
  in_threads(2, [&](int i) { sizes[static_cast<std::size_t>(i)] = map.size(); });
  BOOST_TEST((sizes[0] == 700 && sizes[1] == 700));
  BOOST_TEST(map.size() == 700U);
}

BOOST_AUTO_TEST_CASE(use_of_one_hash_needs_no_lock) {
  auto const map = filled<flows>(0, {.max_entries = 4096});
  std::atomic<unsigned> wrong{0};
  in_threads(4, [&](int i) {
    auto const first = static_cast<std::uint32_t>(i) * 100;
    for (int round = 0; round < 5; ++round) {
      std::error_code ec;
      for (std::uint32_t key = first; key < first + 100; ++key) map.insert_or_assign(key, key, ec);
      for (std::uint32_t key = first; key < first + 100; ++key) {
        if (map.find(key, ec) != std::uint64_t{key}) ++wrong;
      }
      std::uint64_t mine = 0;
      map.for_each([&](std::uint32_t key, std::uint64_t) { mine += key >= first && key < first + 100 ? 1U : 0U; }, ec);
      if (mine != 100) ++wrong;
      if (map.size(ec) < 100 || map.empty(ec)) ++wrong;
      (void)map.counted_by();
      for (std::uint32_t key = first; key < first + 100; ++key) {
        if (!map.erase(key, ec)) ++wrong;
      }
      if (ec) ++wrong;
    }
  });
  BOOST_TEST(wrong == 0U);
  BOOST_TEST(map.size() == 0U);
}

BOOST_AUTO_TEST_CASE(use_of_one_per_cpu_map_gives_each_thread_its_own_room) {
  auto const map = filled<test::hits>(0, {.max_entries = 1024});
  std::atomic<unsigned> wrong{0};
  in_threads(4, [&](int i) {
    auto const first = static_cast<std::uint32_t>(i) * 50;
    for (int round = 0; round < 10; ++round) {
      for (std::uint32_t key = first; key < first + 50; ++key) map.insert_or_assign(key, key * 3);
      for (std::uint32_t key = first; key < first + 50; ++key) {
        if (map.at(key) != key * 3) ++wrong;
      }
    }
  });
  BOOST_TEST(wrong == 0U);
}

BOOST_AUTO_TEST_CASE(inserts_of_one_key_succeed_once) {
  auto const map = filled<flows>(0);
  std::atomic<unsigned> won{0};
  in_threads(4, [&](int i) {
    if (map.insert(7, static_cast<std::uint64_t>(i))) ++won;
  });
  BOOST_TEST(won == 1U);
}

BOOST_AUTO_TEST_CASE(walks_of_one_map_do_not_disturb_each_other) {
  auto const map = filled<flows>(5000, {.max_entries = 5000});
  std::atomic<unsigned> wrong{0};
  in_threads(3, [&](int) {
    std::uint64_t sum = 0;
    for (auto const value : map.values()) sum += value;
    if (sum != 5000ULL * 5001 / 2) ++wrong;
  });
  BOOST_TEST(wrong == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
