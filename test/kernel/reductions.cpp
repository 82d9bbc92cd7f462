// SPDX-License-Identifier: MIT
// totals() and reduce_all() of per-CPU arrays: in the kernel, by batch and one by one, they give what the reducer makes
// of the slots.
#include "../support/reductions.hpp"
#include "../support/deny.hpp"
#include "../support/kernel.hpp"
#include "../support/randomness.hpp"

#include <array>
#include <atomic>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>

namespace ut = boost::unit_test;
namespace reduce = bpfmap::reduce;
using bpfmap::bulk_path;
using test::mixed;

namespace {

constexpr bulk_path every_path[] = {bulk_path::automatic, bulk_path::in_kernel, bulk_path::batch, bulk_path::single};

// bpf_map_lookup_percpu_elem, and batches of per-CPU arrays.
test::since const with_the_helper{{5, 19}};
test::since const with_batches{{5, 13}};

// Whether the running kernel has this way.
bool possible(bulk_path path) {
  if (path == bulk_path::in_kernel) return test::running_kernel() >= with_the_helper.first;
  return path != bulk_path::batch || test::running_kernel() >= with_batches.first;
}

using counters = bpfmap::percpu_array<std::uint64_t>;

bpfmap::cpu_set const& cpus() {
  std::error_code ec;
  return bpfmap::possible_cpus(ec);
}

template <class Map>
Map created(std::uint32_t count) {
  return Map::create({.name = "reduced", .max_entries = count});
}

// Fills a map with random slots.
std::vector<test::slot_row> fill(int fd, std::size_t slot_bytes, std::uint32_t count, test::randomness& random) {
  std::vector<test::slot_row> rows;
  for (std::uint32_t i = 0; i < count; ++i) {
    rows.emplace_back(slot_bytes, cpus().size(), random);
    BOOST_REQUIRE(bpf_map_update_elem(fd, &i, rows.back().data(), 0) == 0);
  }
  return rows;
}

// The program itself, with one of the two kinds of loops, on a map that it fills.
void runs_right(test::reduction_case const& tested, bool jumps, test::randomness& random) {
  using namespace bpfmap::detail;
  constexpr std::uint32_t count = 40;
  reduction_table const& table = tested.table;
  bpfmap::unique_fd const map(
      bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "reduced", sizeof(std::uint32_t), table.slot_bytes, count, nullptr));
  BOOST_REQUIRE(map.get() >= 0);
  auto const rows = fill(map.get(), table.slot_bytes, count, random);
  std::error_code ec;
  auto const layout = reduction_layout::of(table.result_bytes, cpus().size(), count);
  auto const memory = scratch_array::create(layout.bytes, ec);
  BOOST_REQUIRE(!ec);
  place_ids(memory.data(), layout, cpus());
  auto const program = load_reduction(table, layout, cpus().size(), map.get(), memory, jumps, ec);
  BOOST_TEST_REQUIRE(!ec, tested.name << ": " << ec.message());
  auto* const header = reinterpret_cast<list_header*>(memory.data());
  header->count = count;
  run_syscall_program(program.get(), ec);
  BOOST_TEST(!ec);
  BOOST_TEST(header->next == count);
  std::uint32_t wrong = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    wrong += tested.is_reduced(rows[i], cpus(), memory.data() + layout.results + std::size_t{i} * table.result_bytes)
                 ? 0
                 : 1;
  }
  BOOST_TEST(wrong == 0U, tested.name << (jumps ? ", jumps: " : ", calls: ") << wrong << " of " << count << " differ");
}

// Each index once, with the value that totals() gave.
template <class Map>
void walks_give(Map const& map, std::vector<typename Map::mapped_type> const& expected) {
  std::vector<typename Map::mapped_type> entries;
  std::uint32_t wrong = 0;
  for (auto const& [index, value] : map) {
    wrong += index == entries.size() ? 0 : 1;
    entries.push_back(value);
  }
  BOOST_TEST(wrong == 0U);
  BOOST_TEST((entries == expected));
  std::vector<typename Map::mapped_type> values;
  for (auto const& value : map.values()) values.push_back(value);
  BOOST_TEST((values == expected));
  BOOST_TEST(map.for_each([&](std::uint32_t index, auto const& value) { wrong += value == expected[index] ? 0 : 1; }) ==
             expected.size());
  BOOST_TEST(wrong == 0U);
}

// Whatever the way, what the reducer makes of the slots.
template <class Map>
void every_way_gives_the_same(std::uint32_t count, test::randomness& random) {
  using slot = typename Map::slot_type;
  auto map = created<Map>(count);
  auto const rows = fill(map.fd(), sizeof(slot), count, random);
  for (bulk_path const path : every_path) {
    constexpr bool by_program = bpfmap::detail::reducible_in_kernel<slot, typename Map::reducer_type>;
    if (!possible(path) || (path == bulk_path::in_kernel && !by_program)) continue;
    map.set_bulk_path(path);
    auto const all = map.reduce_all();
    BOOST_TEST(all.size() == count);
    std::uint32_t wrong = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      wrong += all[i] == rows[i].template reduced<slot, typename Map::reducer_type>(cpus()) ? 0 : 1;
    }
    BOOST_TEST(wrong == 0U, to_string(path) << ": " << wrong << " of " << count << " differ");
    if (path != bulk_path::automatic) BOOST_TEST((map.bulk_by() == path));
    walks_give(map, all);
  }
}

// The errno of totals(), whatever the way.
template <class Map>
void every_way_fails_with(Map& map, int number) {
  for (bulk_path const path : every_path) {
    if (!possible(path)) continue;
    map.set_bulk_path(path);
    std::vector<typename Map::mapped_type> out(2000);
    std::error_code ec;
    BOOST_TEST(map.totals(out, ec) == 0U);
    BOOST_TEST(ec.value() == number, to_string(path));
    BOOST_TEST(map.reduce_all(ec).empty());
    BOOST_TEST(ec.value() == number, to_string(path));
    BOOST_TEST(map.for_each([](auto, auto) {}, ec) == 0U);
    BOOST_TEST(ec.value() == number, to_string(path));
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reductions, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(in_the_kernel_give_what_the_reducer_gives, *ut::precondition(with_the_helper)) {
  test::randomness random;
  for (test::reduction_case const& each : test::all_reductions()) {
    if (bpfmap::detail::has_may_goto()) runs_right(each, true, random);
    runs_right(each, false, random);
  }
}

BOOST_AUTO_TEST_CASE(are_the_same_on_every_path) {
  test::randomness random;
  for (std::uint32_t const count : {1U, 2U, 3U, 1023U, 1024U, 1025U, 4096U, 4097U}) {
    BOOST_TEST_CONTEXT(count << " elements") { every_way_gives_the_same<counters>(count, random); }
  }
  every_way_gives_the_same<bpfmap::percpu_array<mixed, reduce::max>>(2100, random);
  every_way_gives_the_same<bpfmap::percpu_array<std::int16_t>>(700, random);
  every_way_gives_the_same<bpfmap::percpu_array<std::uint64_t, reduce::mean>>(700, random);
}

BOOST_AUTO_TEST_CASE(of_65536_elements_are_the_same_on_every_path) {
  test::randomness random;
  every_way_gives_the_same<counters>(65536, random);
}

BOOST_AUTO_TEST_CASE(fill_what_is_shorter_and_leave_what_is_longer_alone) {
  auto map = created<counters>(100);
  for (std::uint32_t i = 0; i < 100; ++i) map.insert_or_assign(i, i + 1);
  for (bulk_path const path : every_path) {
    if (!possible(path)) continue;
    map.set_bulk_path(path);
    for (std::size_t const size : {0U, 1U, 2U, 99U, 100U, 101U, 5000U}) {
      BOOST_TEST_CONTEXT(to_string(path) << ", room for " << size) {
        std::vector<std::uint64_t> out(size, 77);
        std::size_t const expected = std::min<std::size_t>(size, 100);
        BOOST_TEST(map.totals(out) == expected);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < size; ++i) wrong += out[i] == (i < expected ? i + 1 : 77) ? 0 : 1;
        BOOST_TEST(wrong == 0U);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(load_their_program_when_it_is_worth_it, *ut::precondition(with_the_helper)) {
  auto const map = created<counters>(400);
  std::vector<std::uint64_t> out(400);
  (void)bpfmap::detail::has_may_goto();
  auto const loads = test::calls::program_load();
  map.totals(std::span(out).first(1));
  BOOST_TEST((map.bulk_by() == bulk_path::single));
  map.totals(out);
  map.totals(out);
  BOOST_TEST((map.bulk_by() == bulk_path::batch));
  BOOST_TEST(test::calls::program_load() == loads);
  map.totals(out);
  BOOST_TEST((map.bulk_by() == bulk_path::in_kernel));
  map.totals(std::span(out).first(10));
  BOOST_TEST((map.bulk_by() == bulk_path::in_kernel));
  BOOST_TEST(test::calls::program_load() == loads + 1);
  auto const large = created<counters>(5000);
  (void)large.reduce_all();
  BOOST_TEST((large.bulk_by() == bulk_path::in_kernel));
}

BOOST_AUTO_TEST_CASE(are_what_walks_give_too, *ut::precondition(with_the_helper)) {
  auto map = created<counters>(5000);
  (void)map.reduce_all();
  auto const batches = test::calls::lookup_batch();
  std::uint64_t seen = 0;
  for (auto const& entry : map) seen += entry.second + 1;
  BOOST_TEST(seen == 5000U);
  BOOST_TEST(test::calls::lookup_batch() == batches, "the walk had no need of batches");
  // A walk that is given up leaves the next one whole.
  for (auto const& entry : map) {
    if (entry.first == 3) break;
  }
  BOOST_TEST(map.for_each([](std::uint32_t index, auto) { return index < 4500; }) == 4501U);
  map.set_bulk_path(bulk_path::batch);
  for (auto const& entry : map) seen += entry.second + 1;
  BOOST_TEST(seen == 10000U);
  BOOST_TEST(test::calls::lookup_batch() > batches);
  test::deny_programs const no_programs;
  auto fresh = created<counters>(5000);
  for (auto const& entry : fresh) seen += entry.second + 1;
  BOOST_TEST(seen == 15000U);
  fresh.set_bulk_path(bulk_path::in_kernel);
  std::error_code ec;
  BOOST_TEST(fresh.for_each([](auto, auto) {}, ec) == 0U);
  BOOST_TEST(ec.value() == EPERM);
}

BOOST_AUTO_TEST_CASE(come_by_other_ways_where_programs_and_batches_are_denied, *ut::precondition(with_batches)) {
  auto const map = created<counters>(5000);
  map.insert_or_assign(4999, 5);
  test::deny_programs const no_programs;
  (void)map.reduce_all();
  auto const loads = test::calls::program_load();
  for (int i = 0; i < 3; ++i) BOOST_TEST(map.reduce_all()[4999] == 5U);
  BOOST_TEST((map.bulk_by() == bulk_path::batch));
  BOOST_TEST(test::calls::program_load() == loads, "a refusal is remembered");
  test::deny_batch const no_batch;
  BOOST_TEST(map.reduce_all()[4999] == 5U);
  BOOST_TEST((map.bulk_by() == bulk_path::single));
}

BOOST_AUTO_TEST_CASE(by_a_forced_path_that_is_denied_are_an_error) {
  test::deny_programs const no_programs;
  test::deny_batch const no_batch;
  auto map = created<counters>(10);
  map.set_bulk_path(bulk_path::in_kernel);
  std::error_code ec;
  std::array<std::uint64_t, 10> out{};
  BOOST_TEST(map.totals(out, ec) <= 1U);
  BOOST_TEST(ec.value() == EPERM);
  map.set_bulk_path(bulk_path::batch);
  BOOST_TEST(map.totals(out, ec) == 0U);
  BOOST_TEST(ec.value() == EOPNOTSUPP);
  auto means = created<bpfmap::percpu_array<std::uint64_t, reduce::mean>>(10);
  means.set_bulk_path(bulk_path::in_kernel);
  BOOST_TEST(means.totals(out, ec) == 0U);
  BOOST_TEST(ec.value() == EOPNOTSUPP);
  BOOST_CHECK_EXCEPTION(means.totals(out), bpfmap::bulk_error, [](bpfmap::bulk_error const& thrown) {
    return thrown.operation() == "totals" && thrown.progress().handled == 0;
  });
}

BOOST_AUTO_TEST_CASE(by_a_descriptor_that_may_not_read_are_refused_on_every_path) {
  auto map = counters::create({.name = "wronly", .max_entries = 2000, .flags = bpfmap::map_flags::wronly});
  every_way_fails_with(map, EPERM);
  auto const gone = std::move(map);
  every_way_fails_with(map, EBADF);  // NOLINT(bugprone-use-after-move)
}

BOOST_AUTO_TEST_CASE(move_with_their_program, *ut::precondition(with_the_helper)) {
  test::no_leak const watch;
  auto map = created<counters>(2000);
  auto other = created<counters>(3000);
  map.insert_or_assign(1999, 1);
  other.insert_or_assign(2999, 2);
  (void)map.reduce_all();
  (void)other.reduce_all();
  auto const loads = test::calls::program_load();
  auto moved = std::move(map);
  BOOST_TEST(moved.reduce_all()[1999] == 1U);
  moved = std::move(other);
  BOOST_TEST(moved.reduce_all()[2999] == 2U);
  BOOST_TEST((moved.bulk_by() == bulk_path::in_kernel));
  BOOST_TEST(test::calls::program_load() == loads);
}

BOOST_AUTO_TEST_CASE(go_on_in_a_process_that_is_forked_off, *ut::precondition(with_the_helper)) {
  auto map = created<counters>(8192);
  for (std::uint32_t i = 0; i < 8192; ++i) map.insert_or_assign(i, i);
  map.set_bulk_path(bulk_path::in_kernel);
  auto const right = [&](std::vector<std::uint64_t>& out) {
    std::error_code ec;
    bool good = map.totals(out, ec) == 8192 && !ec;
    for (std::uint32_t i = 0; i < 8192; ++i) good = good && out[i] == i;
    return good;
  };
  std::vector<std::uint64_t> mine(8192);
  std::vector<std::uint64_t> others(8192);
  BOOST_TEST(right(mine));
  // Forked while another thread is in the middle of it. That thread allocates nothing: the sanitizers' allocators do
  // not survive a fork beside an allocation.
  std::atomic<bool> stop{false};
  std::atomic<int> started{0};
  std::thread busy([&] {
    do {
      (void)right(others);
      started = 1;
    } while (!stop);
  });
  while (started == 0) std::this_thread::yield();
  for (int i = 0; i < 10; ++i) {
    pid_t const child = ::fork();
    if (child == 0) {
      ::alarm(20);  // one that waits for a thread of its parent's would wait for ever
      bool good = true;
      for (int round = 0; round < 20; ++round) good = good && right(mine);
      ::_exit(good ? 0 : 1);
    }
    for (int round = 0; round < 20; ++round) BOOST_TEST(right(mine));
    int status = -1;
    BOOST_TEST(::waitpid(child, &status, 0) == child);
    BOOST_TEST(status == 0);
  }
  stop = true;
  busy.join();
}

BOOST_AUTO_TEST_CASE(by_threads_that_share_a_map_are_each_complete, *ut::precondition(with_the_helper)) {
  constexpr std::uint32_t count = 20'000;
  auto const map = created<counters>(count);
  for (std::uint32_t i = 0; i < count; ++i) map.insert_or_assign(i, i);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, length = count - t * 1000] {
      std::vector<std::uint64_t> out(length);
      for (int round = 0; round < 20; ++round) {
        std::error_code ec;
        if (map.totals(out, ec) != length || ec) ++wrong;
        for (std::uint32_t i = 0; i < length; ++i) wrong += out[i] == i ? 0 : 1;
      }
    });
  }
  for (std::thread& each : threads) each.join();
  BOOST_TEST(wrong == 0);
  BOOST_TEST((map.bulk_by() == bulk_path::in_kernel));
}

// Counters that only grow are never seen to shrink, nor beyond what was written.
BOOST_AUTO_TEST_CASE(beside_a_writer_see_no_counter_shrink) {
  constexpr std::uint32_t count = 500;
  auto map = created<counters>(count);
  auto const writing = map.clone();
  std::atomic<std::uint64_t> written{0};
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::uint64_t value = 1; !stop; ++value) {
      for (std::uint32_t i = 0; i < count; ++i) writing.insert_or_assign(i, value, bpfmap::all_cpus);
      written = value;
    }
  });
  for (bulk_path const path : {bulk_path::in_kernel, bulk_path::batch, bulk_path::single}) {
    if (!possible(path)) continue;
    map.set_bulk_path(path);
    std::vector<std::uint64_t> before(count);
    int wrong = 0;
    std::uint64_t const start = written;
    for (int round = 0; round < 50 || written < start + 3; ++round) {
      auto const now = map.reduce_all();
      std::uint64_t const most = cpus().size() * (written + 1);
      for (std::uint32_t i = 0; i < count; ++i) wrong += now[i] >= before[i] && now[i] <= most ? 0 : 1;
      before = now;
    }
    BOOST_TEST(wrong == 0, to_string(path));
  }
  stop = true;
  writer.join();
}

BOOST_AUTO_TEST_SUITE_END()
