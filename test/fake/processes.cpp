// SPDX-License-Identifier: MIT
// What holds for the life of a process: a moment without descriptors or memory passes, and processes that are forked
// off, by whatever way, go on by themselves.
#include "btf_builder.hpp"
#include "ring.hpp"

#include <csignal>
#include <fcntl.h>
#include <sched.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace detail = bpfmap::detail;
using fake::call;
using test::filled;
using test::flows;

namespace {

using way_to_fork = std::function<pid_t()>;

/// fork(), and the ways that tell no pthread_atfork() handler.
std::vector<std::pair<std::string, way_to_fork>> every_way() {
  return {
    {"fork", [] { return ::fork(); }},
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 34)
        {"_Fork", [] { return ::_Fork(); }},
#endif
    {
      "clone", [] { return static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr)); }
    }
  };
}

/// What `f` answers in a child process: its exit status, or minus the signal that ended it.
template <class F>
int in_a_child(
    F const& f, way_to_fork const& how = [] { return ::fork(); }) {
  pid_t const child = how();
  if (child == 0) {
    ::alarm(20);  // one that waits for a thread of its parent's would wait for ever
    ::_exit(f());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// While it lives, this process gets no descriptor.
class no_descriptors {
 public:
  no_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  no_descriptors(no_descriptors const&) = delete;
  no_descriptors& operator=(no_descriptors const&) = delete;
  ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// Everything that this process finds out once, by name. 0 or the errno.
struct thing {
  char const* name;
  void (*forget)();
  int (*ask)();
};

thing const things[] = {
    {"the possible CPUs", [] { test::forget(detail::the_possible_cpus); },
     [] {
       std::error_code ec;
       (void)bpfmap::possible_cpus(ec);
       return ec.value();
     }},
    {"the function that counts", [] { test::forget(detail::the_element_count_function); },
     [] {
       std::error_code ec;
       (void)detail::element_count_function(ec);
       return ec.value();
     }},
    {"the place of a counter",
     [] { test::forget(detail::counter_places[detail::counter_row(bpfmap::map_type::queue)]); },
     [] {
       std::error_code ec;
       (void)detail::place_of_counter(bpfmap::map_type::queue, ec);
       return ec.value();
     }},
};

// A thread that stops in the middle of finding something out, until it is let go.
std::atomic<bool> stopped{false};
std::atomic<bool> let_go{false};
std::atomic<pid_t> stops_here{0};

void stop_here() {
  if (::getpid() != stops_here) return;  // children do not
  stopped = true;
  while (!let_go) std::this_thread::yield();
}

struct machine : test::ring {
  machine() {
    // The fake kernel's BTF has no queues otherwise.
    test::btf_builder types;
    types.add(test::type_kind::int_, "int", 0, {32}, 4);
    types.add(test::type_kind::func_proto, "", 1, {0, 1});
    types.function("bpf_map_sum_elem_count");
    types.structure("bpf_queue_stack", {{"head", 256 * 8}, {"tail", 260 * 8}});
    fake_files::set(fake_files::vmlinux, types.bytes());
  }
  ~machine() {
    fake_files::before_opening(nullptr);
    for (thing const& each : things) each.forget();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(processes, machine)

BOOST_AUTO_TEST_CASE(find_out_later_what_they_could_not_for_want_of_descriptors) {
  for (thing const& each : things) {
    BOOST_TEST_CONTEXT(each.name) {
      each.forget();
      // Boost's checks and the sanitizers want descriptors of their own.
      auto const ask_without_descriptors = [&] {
        no_descriptors const now;
        return each.ask();
      };
      int const refused = ask_without_descriptors();
      BOOST_TEST(refused == EMFILE);
      BOOST_TEST(each.ask() == 0);
      int const known = ask_without_descriptors();
      BOOST_TEST(known == 0, "known once and for all");
    }
  }
}

BOOST_AUTO_TEST_CASE(find_out_later_what_they_could_not_for_want_of_memory) {
  for (thing const& each : things) {
    BOOST_TEST_CONTEXT(each.name) {
      each.forget();
      {
        heap::limit const none(0);
        BOOST_TEST(each.ask() == ENOMEM);
      }
      BOOST_TEST(each.ask() == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(ask_no_more_for_what_is_not_there) {
  for (thing const& each : things) {
    BOOST_TEST_CONTEXT(each.name) {
      each.forget();
      fake_files::set(fake_files::possible, std::nullopt);
      fake_files::set(fake_files::vmlinux, std::nullopt);
      BOOST_TEST(each.ask() == ENOENT);
    }
  }
  fake_files::reset();
  for (thing const& each : things) BOOST_TEST(each.ask() == ENOENT, each.name);
}

BOOST_AUTO_TEST_CASE(forked_off_while_a_thread_finds_something_out_find_it_out_themselves) {
  for (auto const& [way, fork] : every_way()) {
    for (thing const& each : things) {
      BOOST_TEST_CONTEXT(way << ", " << each.name) {
        each.forget();
        stopped = let_go = false;
        stops_here = ::getpid();
        fake_files::before_opening(stop_here);
        std::thread first([&] { (void)each.ask(); });
        while (!stopped) std::this_thread::yield();
        BOOST_TEST(in_a_child([&] { return each.ask(); }, fork) == 0);
        let_go = true;
        first.join();
        fake_files::before_opening(nullptr);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(are_told_apart_however_they_are_forked_off) {
  for (auto const& [way, fork] : every_way()) {
    BOOST_TEST_CONTEXT(way) {
      std::uint32_t const here = detail::process_number();
      BOOST_TEST(here != 0U);
      BOOST_TEST(detail::process_number() == here);
      int const answer = in_a_child(
          [&, &how = fork] {
            std::uint32_t const child = detail::process_number();
            if (child == 0 || child == here || child != detail::process_number()) return 1;
            return in_a_child(
                [&] {
                  std::uint32_t const grandchild = detail::process_number();
                  return grandchild == 0 || grandchild == here || grandchild == child ? 2 : 0;
                },
                how);
          },
          fork);
      BOOST_TEST(answer == 0);
      BOOST_TEST(detail::process_number() == here);
    }
  }
  // Threads are not told apart, nor is who shares the memory for a while.
  std::uint32_t const here = detail::process_number();
  std::uint32_t there = 0;
  std::thread([&] { there = detail::process_number(); }).join();
  BOOST_TEST(there == here);
}

// Where the kernel cannot wipe a page, or has no memory for one.
BOOST_AUTO_TEST_CASE(are_told_apart_by_their_ids_where_no_page_can_be_wiped) {
  for (int const error : {EINVAL, ENOSYS, ENOMEM}) {
    for (auto const& [way, fork] : every_way()) {
      BOOST_TEST_CONTEXT(way << ", " << error) {
        int const answer = in_a_child([&, &how = fork] {
          detail::the_process_page = nullptr;
          fake_files::refuse_advice(error);
          errno = EDOM;
          std::uint32_t const here = detail::process_number();
          if (here == 0 || here != detail::process_number() || errno != EDOM) return 1;
          if (in_a_child([&] { return detail::process_number() == here ? 2 : 0; }, how) != 0) return 2;
          fake_files::refuse_advice(0);
          // A lack of memory passes; a kernel that knows no such pages stays.
          bool const counted = (detail::process_number() & 1U << 31) == 0;
          return counted == (error == ENOMEM) ? 0 : 3;
        });
        BOOST_TEST(answer == 0);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(do_not_wait_for_a_lock_that_was_held_when_they_were_forked_off) {
  static constinit detail::process_mutex mutex;
  for (auto const& [way, fork] : every_way()) {
    BOOST_TEST_CONTEXT(way) {
      std::lock_guard const held(mutex);
      BOOST_TEST(in_a_child(
                     [] {
                       for (int i = 0; i < 2; ++i) std::lock_guard const mine(mutex);
                       return 0;
                     },
                     fork) == 0);
    }
  }
  int sum = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 1000; ++round) {
        std::lock_guard const mine(mutex);
        ++sum;
      }
    });
  }
  for (auto& each : threads) each.join();
  BOOST_TEST(sum == 3000);
}

BOOST_AUTO_TEST_SUITE_END()
