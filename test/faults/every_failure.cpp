// SPDX-License-Identifier: MIT
#include "every_failure.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <stdexcept>

#include <dirent.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpfmap/bpfmap.hpp>

namespace faults {

namespace {

// Whether the n-th system call is one of many alike, a read of a large file say, and neither the first nor the last of
// them: then it is not tried.
bool is_one_of_many(counts const& seen, std::size_t nth) {
  auto const number = [&](std::size_t i) { return i >= 1 && i <= counts::most ? seen.numbers[i - 1] : 0; };
  constexpr std::size_t reach = 4;
  if (nth <= reach || nth + reach > seen.system_calls) return false;
  for (std::size_t i = nth - reach; i <= nth + reach; ++i) {
    if (number(i) != number(nth)) return false;
  }
  return true;
}

// What a child tells its parent.
struct report {
  counts seen;
  bool told = false;  // the call gave an error
  char problem[1024] = {};
};

std::size_t open_descriptors() {
  std::size_t count = 0;
  if (DIR* const folder = ::opendir("/proc/self/fd"); folder != nullptr) {
    while (::readdir(folder) != nullptr) ++count;
    ::closedir(folder);
  }
  return count;
}

struct attempt {
  bool succeeded = false;
  std::string problem;
};

attempt try_call(scenario& tried, bool may_lack_memory) {
  attempt made;
  try {
    tried.call();
    made.succeeded = true;
  } catch (bpfmap::error const& failure) {
    if (std::strlen(failure.what()) < 10 || failure.code().value() == 0) made.problem = "an error that says nothing";
  } catch (std::bad_alloc const&) {
    if (!may_lack_memory) made.problem = "std::bad_alloc, but memory did not fail";
  } catch (std::exception const& other) {
    made.problem = std::string("another exception: ") + other.what();
  }
  if (made.problem.empty()) made.problem = tried.problem(made.succeeded);
  return made;
}

// The call with the failure, and once more without.
std::string one_round(std::function<std::unique_ptr<scenario>()> const& make, kind which, std::size_t nth, int error,
                      report& told) {
  auto const tried = make();
  // What the scenario looks at itself is not to fail: problem() runs disarmed.
  struct guarded final : scenario {
    scenario& inner;
    report& told;
    kind which;
    std::size_t nth;
    int error;
    guarded(scenario& of, report& to, kind kind_of, std::size_t number, int errno_of)
        : inner(of), told(to), which(kind_of), nth(number), error(errno_of) {}
    void call() override {
      struct at_end {
        report& told;
        ~at_end() { told.seen = disarm(); }
      } const end{told};
      arm(which, nth, error);
      inner.call();
    }
    std::string problem(bool succeeded) override { return inner.problem(succeeded); }
  } first(*tried, told, which, nth, error);
  attempt const failed = try_call(first, which == kind::allocation);
  if (!failed.problem.empty()) return failed.problem;
  told.told = !failed.succeeded;
  if (which == kind::none && !failed.succeeded) return "the call fails though nothing was made to";
  attempt again = try_call(*tried, false);
  if (!again.problem.empty()) return "afterwards: " + again.problem;
  if (!again.succeeded) {
    try {
      tried->call();
    } catch (std::exception const& failure) {
      return std::string("the same call fails afterwards: ") + failure.what();
    }
    return "the same call fails afterwards, and then no more";
  }
  return {};
}

void in_child(std::function<std::unique_ptr<scenario>()> const& make, kind which, std::size_t nth, int error,
              report& told) {
  ::alarm(60);
  // Boost's handlers would go on with the next test, here in the child.
  for (int const raised : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV}) std::signal(raised, SIG_DFL);
  std::string problem;
  if (!watch_system_calls()) problem = "no seccomp filter can be set up here";
  // What is made once for a process is made in the first round; after the second nothing may become more.
  std::size_t blocks = 0;
  std::size_t descriptors = 0;
  auto const later = std::make_unique<report>();
  for (int round = 0; round < 3 && problem.empty(); ++round) {
    problem = one_round(make, which, nth, error, round == 0 ? told : *later);
    if (round == 1) {
      blocks = live_blocks();
      descriptors = open_descriptors();
    }
  }
  if (problem.empty() && open_descriptors() > descriptors) problem = "descriptors leak";
  if (problem.empty() && live_blocks() > blocks)
    problem = "memory leaks: " + std::to_string(live_blocks() - blocks) + " blocks";
  std::snprintf(told.problem, sizeof told.problem, "%s", problem.c_str());
  ::_exit(0);
}

std::unique_ptr<report> in_a_process(std::function<std::unique_ptr<scenario>()> const& make, kind which,
                                     std::size_t nth, int error) {
  auto* const shared =
      static_cast<report*>(::mmap(nullptr, sizeof(report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  BOOST_REQUIRE(shared != MAP_FAILED);
  new (shared) report;
  pid_t const child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) in_child(make, which, nth, error, *shared);
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  auto answer = std::make_unique<report>(*shared);
  ::munmap(shared, sizeof(report));
  if (WIFSIGNALED(status)) {
    std::snprintf(answer->problem, sizeof answer->problem, "%s",
                  WTERMSIG(status) == SIGALRM ? "it hangs" : ::strsignal(WTERMSIG(status)));
  }
  return answer;
}

constexpr std::size_t many = 300;  // system calls, of which not every one is made to fail
constexpr std::size_t few = 8;

}  // namespace

tally every_failure_of(std::function<std::unique_ptr<scenario>()> const& make) {
  tally done;
  auto const counted = in_a_process(make, kind::none, 0, 0);
  BOOST_REQUIRE_MESSAGE(counted->problem[0] == '\0', counted->problem);
  auto const fail = [&](kind which, std::size_t nth, int error) {
    auto const told = in_a_process(make, which, nth, error);
    char const* const what = which == kind::system_call ? "system call" : "allocation";
    BOOST_TEST(told->problem[0] == '\0',
               what << " " << nth << " fails with " << bpfmap::errno_symbol(error) << ": " << told->problem);
    done.errors += told->told ? 1U : 0U;
  };
  // Where an old kernel takes a system call for each key, those behind the first are alike.
  std::size_t const each = counted->seen.system_calls > many ? few : many;
  for (int const error : {EMFILE, ENOMEM, EINTR, EAGAIN}) {
    for (std::size_t nth = 1; nth <= counted->seen.system_calls; nth = nth < each ? nth + 1 : 2 * nth) {
      if (counted->seen.numbers[nth - 1] != SYS_bpf && is_one_of_many(counted->seen, nth)) continue;
      fail(kind::system_call, nth, error);
      ++done.system_calls;
    }
  }
  for (std::size_t nth = 1; nth <= counted->seen.allocations; ++nth) fail(kind::allocation, nth, ENOMEM);
  done.allocations += counted->seen.allocations;
  BOOST_TEST_MESSAGE(done.system_calls << " failures of system calls and " << done.allocations
                                       << " of allocations: " << done.errors << " gave an error");
  return done;
}

}  // namespace faults
