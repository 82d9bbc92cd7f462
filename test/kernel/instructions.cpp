// SPDX-License-Identifier: MIT
// What bpfmap adds to libbpf's calls, counted in instructions: a child runs the calls, and its parent makes it
// take one step at a time. Exact, whatever else the machine is doing.
#include "../support/kernel.hpp"

#include <csignal>

#include <sys/ptrace.h>
#include <sys/wait.h>

namespace ut = boost::unit_test;

namespace {

constexpr int calls = 10;
constexpr long allowed_more = 20;  // instructions a call

/// The instructions that a child takes for `f()`, or -1 where processes may not be traced.
template <class F>
long steps_of(F const& f) {
  pid_t const child = ::fork();
  if (child == 0) {
    f();  // binds what is bound at the first call
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(1);
    ::raise(SIGSTOP);
    f();
    ::raise(SIGSTOP);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  long steps = -1;
  if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP) {
    steps = 0;
    do {
      if (::ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) break;
      ::waitpid(child, &status, 0);
      ++steps;
    } while (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
  }
  return steps;
}

template <class Theirs, class Ours>
void compare(char const* name, Theirs const& theirs, Ours const& ours) {
  long const overhead = steps_of([] {});
  BOOST_REQUIRE_GT(overhead, 0);
  auto const per_call = [&](auto const& f) {
    return (steps_of([&] {
              for (int i = 0; i < calls; ++i) f();
            }) -
            overhead) /
           calls;
  };
  long const libbpf = per_call(theirs);
  long const bpfmap = per_call(ours);
  BOOST_TEST_MESSAGE(name << ": " << libbpf << " instructions by libbpf, " << bpfmap << " by bpfmap");
  BOOST_TEST(libbpf > 10);  // or nothing was measured
  BOOST_TEST(bpfmap - libbpf <= allowed_more, name << " takes " << bpfmap << " instructions, libbpf's call " << libbpf);
}

bpfmap::hash<std::uint32_t, std::uint64_t> filled() {
  auto map = bpfmap::hash<std::uint32_t, std::uint64_t>::create({.max_entries = 64});
  map.insert_or_assign(1, 1);
  return map;
}

template <class T>
void keep(T const& value) {
  asm volatile("" : : "m"(value) : "memory");
}

boost::test_tools::assertion_result may_trace(ut::test_unit_id unit) {
  auto allowed = test::may_use_bpf(unit);
  if (!allowed) return allowed;
  boost::test_tools::assertion_result result(steps_of([] {}) > 0);
  if (!result) result.message() << "processes cannot be traced step by step here";
  return result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(instructions, *ut::precondition(may_trace))

BOOST_AUTO_TEST_CASE(find_adds_next_to_nothing_to_libbpfs_lookup) {
  auto const map = filled();
  std::uint32_t const key = 1;
  auto const theirs = [&] {
    std::uint64_t value = 0;
    keep(bpf_map_lookup_elem(map.fd(), &key, &value));
    keep(value);
  };
  compare("find", theirs, [&] { keep(map.find(key)); });
  compare("find with an error code", theirs, [&] {
    std::error_code ec;
    keep(map.find(key, ec));
  });
}

BOOST_AUTO_TEST_CASE(insert_or_assign_adds_next_to_nothing_to_libbpfs_update) {
  auto const map = filled();
  std::uint32_t const key = 1;
  std::uint64_t const value = 7;
  auto const theirs = [&] { keep(bpf_map_update_elem(map.fd(), &key, &value, BPF_ANY)); };
  compare("insert_or_assign", theirs, [&] { map.insert_or_assign(key, value); });
  compare("insert_or_assign with an error code", theirs, [&] {
    std::error_code ec;
    map.insert_or_assign(key, value, ec);
    keep(ec);
  });
}

BOOST_AUTO_TEST_CASE(erase_adds_next_to_nothing_to_libbpfs_delete) {
  auto const map = filled();
  std::uint32_t const absent = 2;
  auto const theirs = [&] { keep(bpf_map_delete_elem(map.fd(), &absent)); };
  compare("erase", theirs, [&] { keep(map.erase(absent)); });
  compare("erase with an error code", theirs, [&] {
    std::error_code ec;
    keep(map.erase(absent, ec));
  });
}

BOOST_AUTO_TEST_SUITE_END()
