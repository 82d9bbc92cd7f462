// SPDX-License-Identifier: MIT
// Calls on many elements: which way they go, what others may do meanwhile, and what happens without privileges.
#include "../../bpf/locks.h"
#include "../support/deny.hpp"
#include "../support/kernel.hpp"
#include "../support/programs.hpp"
#include "bulk_numbers.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include <linux/capability.h>
#include <sys/wait.h>

namespace ut = boost::unit_test;
using bpfmap::bulk_path;
using bpfmap::bulk_result;
using bpfmap::key_bits;
using test::filled;
using test::numbers;
using test::table;

namespace {

/// What `f` answers in a child process: its exit status.
int in_a_child(std::function<int()> const& f) {
  pid_t const child = ::fork();
  if (child == 0) {
    try {
      ::_exit(f());
    } catch (...) {
      ::_exit(254);  // this process must not go on as a second run of the tests
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool drop_all_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  return ::syscall(SYS_capset, &header, none) == 0;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bulk, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(goes_by_single_calls_where_there_is_little_to_do) {
  auto const map = table::create({.name = "bulk", .max_entries = 100});
  BOOST_TEST(map.bulk_by() == bulk_path::automatic);
  numbers const two(2);
  auto const loads = test::calls::program_load();
  BOOST_TEST((map.insert_or_assign(two.keys, two.values) == bulk_result{2, 2}));
  BOOST_TEST(map.bulk_by() == bulk_path::single);
  BOOST_TEST(test::calls::program_load() == loads);
}

BOOST_AUTO_TEST_CASE(loads_a_program_once_it_is_worth_it, *ut::precondition(test::since{{5, 14}})) {
  test::no_leak const watched;
  auto const map = filled(2000);
  BOOST_TEST(map.bulk_by() == bulk_path::in_kernel);
  numbers const all(2000);
  std::vector<std::uint64_t> out(2000);
  key_bits found;
  BOOST_TEST((map.find(all.keys, out, found) == bulk_result{2000, 2000}));
  BOOST_TEST(map.bulk_by() == bulk_path::in_kernel);
  BOOST_TEST(out == all.values, boost::test_tools::per_element());
  auto const loads = test::calls::program_load();
  map.find(all.keys, out);
  BOOST_TEST(test::calls::program_load() == loads, "programs are loaded once");
}

// One memory serves all three programs, whichever comes first.
BOOST_AUTO_TEST_CASE(may_begin_with_any_operation, *ut::precondition(test::since{{5, 14}})) {
  auto map = filled(10);
  map.set_bulk_path(bulk_path::in_kernel);
  numbers const all(10);
  std::vector<std::uint64_t> out(10);
  BOOST_TEST(map.erase(all.keys).matched == 10U);
  BOOST_TEST(map.insert_or_assign(all.keys, all.values).matched == 10U);
  BOOST_TEST(map.find(all.keys, out).matched == 10U);
  BOOST_TEST(out == all.values, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(small_calls_add_up_to_what_is_worth_a_program, *ut::precondition(test::since{{5, 14}})) {
  auto const map = table::create({.name = "bulk", .max_entries = 100});
  numbers const ten(10);
  std::vector<std::uint64_t> out(10);
  int calls = 0;
  do {
    map.find(ten.keys, out);
    ++calls;
  } while (map.bulk_by() == bulk_path::single && calls < 1000);
  BOOST_TEST(map.bulk_by() == bulk_path::in_kernel);
  BOOST_TEST(calls > 10);
  BOOST_TEST(calls < 100);
}

BOOST_AUTO_TEST_CASE(without_programs_goes_by_batch_and_by_single_calls) {
  test::deny_programs const denied;
  auto map = filled(2000);
  BOOST_TEST(map.bulk_by() == bulk_path::batch);
  numbers const all(2000);
  std::vector<std::uint64_t> out(2000);
  BOOST_TEST(map.find(all.keys, out).matched == 2000U);
  BOOST_TEST(map.bulk_by() == bulk_path::single);
  BOOST_TEST(out == all.values, boost::test_tools::per_element());
  auto const loads = test::calls::program_load();
  map.find(all.keys, out);
  BOOST_TEST(test::calls::program_load() == loads, "what was refused is not asked for again");
  BOOST_TEST(map.erase(all.keys).matched == 2000U);
  BOOST_TEST(map.bulk_by() == bulk_path::batch);
}

BOOST_AUTO_TEST_CASE(without_batches_either_goes_by_single_calls) {
  test::deny_programs const no_programs;
  test::deny_batch const no_batches;
  auto const map = filled(2000);
  BOOST_TEST(map.bulk_by() == bulk_path::single);
  numbers const all(2000);
  key_bits erased;
  BOOST_TEST((map.erase(all.keys, erased) == bulk_result{2000, 2000}));
  BOOST_TEST(map.bulk_by() == bulk_path::single);
  BOOST_TEST(map.empty());
}

BOOST_AUTO_TEST_CASE(goes_on_another_way_when_a_program_cannot_be_run, *ut::precondition(test::since{{5, 14}})) {
  auto map = filled(2000);
  numbers const all(2000);
  std::vector<std::uint64_t> out(2000);
  key_bits found;
  test::deny_runs const denied;
  BOOST_TEST((map.find(all.keys, out, found) == bulk_result{2000, 2000}));
  BOOST_TEST(map.bulk_by() == bulk_path::single);
  BOOST_TEST(out == all.values, boost::test_tools::per_element());
  BOOST_TEST(map.erase(all.keys).matched == 2000U);
  BOOST_TEST(map.bulk_by() == bulk_path::batch);
}

BOOST_AUTO_TEST_CASE(a_way_that_was_forced_and_is_closed_is_an_error) {
  auto map = filled(2000);
  numbers const all(2000);
  std::vector<std::uint64_t> out(2000);
  std::error_code ec;
  map.set_bulk_path(bulk_path::batch);
  BOOST_TEST((map.find(all.keys, out, ec) == bulk_result{}));
  BOOST_TEST((ec == std::errc::operation_not_supported));
  {
    test::deny_programs const denied;
    auto refused = table::create({.name = "bulk", .max_entries = 2000});
    refused.set_bulk_path(bulk_path::in_kernel);
    // The first key goes by system call, whatever the way.
    BOOST_TEST((refused.insert_or_assign(all.keys, all.values, ec) == bulk_result{1, 1}));
    BOOST_TEST(ec.value() == EPERM);
    test::deny_batch const no_batches;
    refused.set_bulk_path(bulk_path::batch);
    BOOST_TEST((refused.insert_or_assign(all.keys, all.values, ec) == bulk_result{1, 1}));
    BOOST_TEST((ec == std::errc::operation_not_supported));
  }
}

BOOST_AUTO_TEST_CASE(tells_where_it_stopped_and_why) {
  auto map = filled(8, 10);
  for (auto const path : {bulk_path::automatic, bulk_path::batch, bulk_path::single}) {
    map.set_bulk_path(path);
    numbers const more(8, 100);
    try {
      map.insert_or_assign(more.keys, more.values);
      BOOST_ERROR("nothing was thrown");
    } catch (bpfmap::bulk_error const& stopped) {
      BOOST_TEST((stopped.progress() == bulk_result{2, 2}));
      std::string const text = stopped.what();
      BOOST_TEST(test::has(text, "insert_or_assign on 'bulk' (hash, key 4, value 8)"), text);
      BOOST_TEST(test::has(text, "[E2BIG]: the map already holds its 10 entries; key 2 of the call"), text);
    }
    BOOST_TEST(map.erase(more.keys).matched == 2U);
  }
}

BOOST_AUTO_TEST_CASE(too_few_values_are_an_error_and_nothing_is_done) {
  auto const map = filled(8);
  numbers const all(8);
  std::vector<std::uint64_t> few(7, 77);
  std::error_code ec;
  BOOST_TEST((map.find(all.keys, few, ec) == bulk_result{}));
  BOOST_TEST(ec.value() == EINVAL);
  BOOST_TEST(few.front() == 77U);
  BOOST_TEST((map.insert_or_assign(all.keys, few, ec) == bulk_result{}));
  BOOST_TEST(ec.value() == EINVAL);
  auto const text = test::message_of([&] { map.find(all.keys, few); });
  BOOST_TEST(test::has(text, "8 keys, but 7 values"), text);
}

BOOST_AUTO_TEST_CASE(a_frozen_map_is_as_frozen_for_programs) {
  auto const map = filled(2000);
  numbers const all(2000);
  std::error_code ec;
  map.insert_or_assign(all.keys, all.values);  // its program is loaded
  map.freeze();
  BOOST_TEST((map.insert_or_assign(all.keys, all.values, ec) == bulk_result{}));
  BOOST_TEST(ec.value() == EPERM);
  BOOST_TEST((map.erase(all.keys, ec) == bulk_result{}));
  BOOST_TEST(ec.value() == EPERM);
  std::vector<std::uint64_t> out(2000);
  BOOST_TEST(map.find(all.keys, out).matched == 2000U);
}

BOOST_AUTO_TEST_CASE(a_descriptor_for_reading_writes_nothing) {
  test::private_bpffs const bpffs;
  BOOST_TEST_REQUIRE(bpffs.mounted());
  auto const map = filled(2000);
  map.pin(bpffs / "map");
  union bpf_attr attr {};
  std::string const path = bpffs / "map";
  attr.pathname = reinterpret_cast<std::uint64_t>(path.c_str());
  attr.file_flags = BPF_F_RDONLY;
  bpfmap::unique_fd const fd(static_cast<int>(::syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof attr)));
  BOOST_TEST_REQUIRE(static_cast<bool>(fd));
  auto reader = table::from_fd(fd.get());
  numbers const all(2000);
  std::error_code ec;
  BOOST_TEST((reader.erase(all.keys, ec) == bulk_result{}));
  BOOST_TEST(ec.value() == EPERM);
  std::vector<std::uint64_t> out(2000);
  BOOST_TEST(reader.find(all.keys, out).matched == 2000U);
  BOOST_TEST(reader.clear(ec) == 0U);
  BOOST_TEST(ec.value() == EPERM);
}

// Programs may not copy a bpf_spin_lock, so the kernel refuses theirs.
BOOST_AUTO_TEST_CASE(values_with_a_lock_go_by_system_calls) {
  auto object = test::loaded("locks");
  auto map = object.map<bpfmap::hash<std::uint32_t, locked_pair>>("pairs");
  std::vector<std::uint32_t> const keys{0, 1, 2, 9};
  std::vector<locked_pair> values(3);
  for (std::uint32_t i = 0; i < 3; ++i) values[i].second = i;
  BOOST_TEST(map.insert_or_assign(std::span(keys).first(3), values).matched == 3U);
  std::vector<locked_pair> out(4);
  std::error_code ec;
  map.set_bulk_path(bulk_path::in_kernel);
  map.find(keys, out, ec);
  // Linux 6.1: programs that may sleep may not use such maps at all.
  BOOST_TEST((ec.value() == EACCES || ec.value() == EOPNOTSUPP), "errno " << ec.value());
  map.set_bulk_path(bulk_path::automatic);
  for (int i = 0; i < 100; ++i) BOOST_TEST_REQUIRE(map.find(keys, out).matched == 3U);
  BOOST_TEST(map.bulk_by() == bulk_path::single);
  BOOST_TEST(out[2].second == 2U);
}

BOOST_AUTO_TEST_CASE(many_addresses_find_their_longest_prefixes) {
  using key = bpfmap::lpm_key<bpfmap::ipv4>;
  auto map = bpfmap::lpm_trie<key, std::uint64_t>::create({.name = "routes", .max_entries = 100});
  std::vector<key> const prefixes{{bpfmap::ipv4(10, 0, 0, 0), 8}, {bpfmap::ipv4(10, 1, 0, 0), 16}};
  BOOST_TEST(map.insert_or_assign(prefixes, std::vector<std::uint64_t>{8, 16}).matched == 2U);
  std::vector<key> addresses;
  std::vector<std::uint64_t> expected;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    auto const first = static_cast<std::uint8_t>(10 + i % 2);
    auto const second = static_cast<std::uint8_t>(i % 3);
    addresses.push_back({bpfmap::ipv4(first, second, 1, 1), 32});
    expected.push_back(first != 10 ? 0 : second == 1 ? 16 : 8);
  }
  std::vector<std::uint64_t> out(1000);
  BOOST_TEST((map.find(addresses, out) == bulk_result{500, 1000}));
  BOOST_TEST(out == expected, boost::test_tools::per_element());
  BOOST_TEST_MESSAGE("of a trie: " << to_string(map.bulk_by()));
  key_bits erased;
  BOOST_TEST((map.erase(std::vector<key>{prefixes[1], prefixes[1], prefixes[0]}, erased) == bulk_result{2, 3}));
  BOOST_TEST((erased[0] && !erased[1] && erased[2]));
}

// Programs that may sleep may not use tries (kernel/bpf/verifier.c, check_map_prog_compatibility): EINVAL, which is
// also the word for too few values.
BOOST_AUTO_TEST_CASE(a_way_that_was_forced_and_is_none_for_the_map_is_told_as_that) {
  using key = bpfmap::lpm_key<bpfmap::ipv4>;
  auto map = bpfmap::lpm_trie<key, std::uint64_t>::create({.name = "routes", .max_entries = 100});
  map.set_bulk_path(bulk_path::in_kernel);
  std::vector<key> const keys(5, key(bpfmap::ipv4(10, 0, 0, 0), 8));
  std::vector<std::uint64_t> values(5);
  std::error_code ec;
  map.insert_or_assign(keys, values, ec);
  if (!ec) {
    BOOST_TEST_MESSAGE("skipped: this kernel takes tries in such programs");
    return;
  }
  BOOST_TEST(ec.value() == EOPNOTSUPP);
  for (auto const& text : {test::message_of([&] { map.insert_or_assign(keys, values); }),
                           test::message_of([&] { map.find(keys, values); }),
                           test::message_of([&] { (void)map.count_if(bpfmap::value() > 1U); })}) {
    BOOST_TEST(test::has(text, "set_bulk_path() asked for in_kernel, which this map"), text);
    BOOST_TEST(!test::has(text, "values as keys"), text);
  }
}

BOOST_AUTO_TEST_CASE(lru_maps_do_not_take_a_bulk_lookup_for_use) {
  auto map = bpfmap::lru_hash<std::uint32_t, std::uint64_t>::create({.name = "bulk", .max_entries = 4096});
  numbers const all(1000);
  map.insert_or_assign(all.keys, all.values);
  std::vector<std::uint64_t> out(1000);
  BOOST_TEST(map.find(all.keys, out).matched == 1000U);
  BOOST_TEST(map.bulk_by() == bulk_path::single);
}

BOOST_AUTO_TEST_CASE(per_cpu_values_are_reduced_and_scattered) {
  test::no_leak const watched;
  auto map = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>::create({.name = "bulk", .max_entries = 20'000});
  numbers const all(20'000);
  BOOST_TEST((map.insert_or_assign(all.keys, all.values) == bulk_result{20'000, 20'000}));
  BOOST_TEST(map.bulk_by() == bulk_path::batch);
  std::vector<std::uint64_t> out(20'000);
  key_bits found;
  numbers const some(20'000, 10);
  BOOST_TEST((map.find(some.keys, out, found) == bulk_result{19'990, 20'000}));
  BOOST_TEST(found[0]);
  BOOST_TEST(out[5] == 15U);
  BOOST_TEST(!found[19'999]);
  BOOST_TEST(out[19'999] == 0U);
  key_bits inserted;
  BOOST_TEST((map.insert(all.keys, all.values, inserted) == bulk_result{0, 20'000}));
  BOOST_TEST(map.erase(all.keys).matched == 20'000U);
  BOOST_TEST(map.empty());
}

BOOST_AUTO_TEST_CASE(a_value_that_no_slots_reduce_to_stops_at_its_key) {
  using unsigned_mean = bpfmap::percpu_hash<std::uint32_t, std::uint32_t, bpfmap::reduce::sum>;
  auto const map = unsigned_mean::create({.name = "bulk", .max_entries = 10});
  // More than the slots of all CPUs can hold.
  std::vector<std::uint32_t> const keys{1, 2, 3};
  std::vector<std::uint64_t> const values{1, ~std::uint64_t{0}, 3};
  std::error_code ec;
  BOOST_TEST((map.insert_or_assign(keys, values, ec) == bulk_result{1, 1}));
  BOOST_TEST(ec.value() == ERANGE);
  BOOST_TEST(map.size() == 1U);
}

BOOST_AUTO_TEST_CASE(threads_may_share_a_map_object) {
  auto const map = filled(5000);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&map, &wrong, t] {
      numbers const mine(1000, static_cast<std::uint32_t>(1000 * t));
      std::vector<std::uint64_t> out(1000);
      for (int i = 0; i < 200; ++i) {
        std::error_code ec;
        if (map.find(mine.keys, out, ec).matched != 1000 || ec || out != mine.values) ++wrong;
      }
    });
  }
  for (std::thread& each : threads) each.join();
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(a_map_that_was_moved_keeps_its_programs, *ut::precondition(test::since{{5, 14}})) {
  auto map = filled(2000);
  auto const moved = std::move(map);
  numbers const all(2000);
  auto const loads = test::calls::program_load();
  BOOST_TEST(moved.insert_or_assign(all.keys, all.values).matched == 2000U);
  BOOST_TEST(moved.bulk_by() == bulk_path::in_kernel);
  BOOST_TEST(test::calls::program_load() == loads);
  std::error_code ec;
  BOOST_TEST((map.erase(all.keys, ec) == bulk_result{}));
  BOOST_TEST(ec.value() == EBADF);
}

// The memory that the programs work on is shared with the parent, which may be using it.
BOOST_AUTO_TEST_CASE(a_child_of_this_process_has_programs_of_its_own, *ut::precondition(test::since{{5, 14}})) {
  auto const map = filled(2000);
  struct part {
    numbers all;
    std::vector<std::uint64_t> out;
  };
  part mine{numbers(1000), std::vector<std::uint64_t>(1000)};
  part others{numbers(1000, 1000), std::vector<std::uint64_t>(1000)};
  auto const check = [&map](part& of) {
    if (map.find(of.all.keys, of.out).matched != 1000 || of.out != of.all.values) return 1;
    return map.bulk_by() == bulk_path::in_kernel ? 0 : 2;
  };
  BOOST_TEST(check(mine) == 0);
  // The other thread allocates nothing: the sanitizers' allocators do not survive a fork beside an allocation.
  std::atomic<bool> stop{false};
  std::atomic<int> in_parent{-1};
  std::thread beside([&] {
    do {
      in_parent = std::max<int>(in_parent, check(others));
    } while (!stop);
  });
  while (in_parent < 0) std::this_thread::yield();
  int const in_child = in_a_child([&] {
    ::alarm(20);  // one that waits for a thread of its parent's would wait for ever
    int worst = 0;
    for (int i = 0; i < 100; ++i) worst = std::max(worst, check(mine));
    return worst;
  });
  stop = true;
  beside.join();
  BOOST_TEST(in_parent == 0);
  BOOST_TEST(in_child == 0);
}

BOOST_AUTO_TEST_CASE(programs_that_are_loaded_go_on_after_privileges_are_gone, *ut::precondition(test::since{{6, 0}})) {
  int const result = in_a_child([] {
    auto const map = filled(2000);
    numbers const all(2000);
    std::vector<std::uint64_t> out(2000);
    map.find(all.keys, out);
    if (map.bulk_by() != bulk_path::in_kernel) return 1;
    if (!drop_all_capabilities()) return 2;
    std::fill(out.begin(), out.end(), 0);
    if (map.find(all.keys, out).matched != 2000 || out != all.values) return 3;
    return map.bulk_by() == bulk_path::in_kernel ? 0 : 4;
  });
  BOOST_TEST(result == 0);
}

// Element commands ask for no capability since 6.0, where unprivileged_bpf_disabled is set.
BOOST_AUTO_TEST_CASE(without_privileges_everything_works_on_an_inherited_descriptor,
                     *ut::precondition(test::since{{6, 0}})) {
  auto const made = filled(2000, 3000);
  int const result = in_a_child([&] {
    auto const map = table::from_fd(made.fd());
    if (!drop_all_capabilities()) return 1;
    numbers const all(2000);
    std::vector<std::uint64_t> out(2000);
    key_bits bits;
    if (map.find(all.keys, out, bits).matched != 2000 || out != all.values) return 2;
    if (map.bulk_by() != bulk_path::single) return 3;
    if (map.insert_or_assign(all.keys, all.values).matched != 2000 || map.bulk_by() != bulk_path::batch) return 4;
    numbers const more(1000, 1500);
    if (map.insert(more.keys, more.values).matched != 500) return 5;
    if (map.assign(more.keys, more.values).matched != 1000) return 6;
    if (map.erase(more.keys).matched != 1000) return 7;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> taken;
    if (map.extract_all(taken) != 1500 || taken.size() != 1500) return 8;
    map.insert_or_assign(all.keys, all.values);
    return map.clear() == 2000 && map.empty() ? 0 : 9;
  });
  BOOST_TEST(result == 0);
}

BOOST_AUTO_TEST_SUITE_END()
