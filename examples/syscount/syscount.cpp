// SPDX-License-Identifier: MIT
// Counts, times and samples the system calls of all processes: what bpfmap is like in a real tool.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>

#include <fmt/format.h>

#include "display.hpp"
#include "options.hpp"
#include "privileges.hpp"
#include "text.hpp"
#include "tracer.hpp"

namespace {

volatile std::sig_atomic_t interrupted = 0;

void interrupt(int) { interrupted = 1; }

// The first signal ends the watch and brings the final table; the second one kills as usual.
void catch_signals() {
  struct sigaction action {};
  action.sa_handler = interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void run(syscount::options const& options) {
  using namespace std::chrono_literals;
  catch_signals();
  syscount::tracer tracer(options);
  syscount::display display(options);
  std::chrono::seconds const time(options.seconds);
  while (interrupted == 0) {
    auto const left = tracer.time_left(time);
    if (left <= 0ms) break;
    tracer.watch(std::min(left, 100ms));
    if (display.is_due()) display.show(tracer.look());
  }
  tracer.stop();
  auto last = tracer.look();
  last.interrupted = interrupted != 0;
  display.finish(last);
}

// A path that sudo and setcap find, too.
std::string own_path(char const* called) {
  std::error_code ec;
  auto const path = std::filesystem::read_symlink("/proc/self/exe", ec);
  bool const is_path = std::string_view(called).find('/') != std::string_view::npos;
  return is_path || ec ? std::string(called) : path.string();
}

int explain(std::system_error const& failure, char const* called) {
  if (!syscount::is_for_want_of_privileges(failure.code())) {
    fmt::print(stderr, "syscount: {}\n", failure.what());
    return 1;
  }
  // The further lines are libbpf's, which knows less about it.
  std::string_view const what = failure.what();
  fmt::print(stderr, "syscount: {}\n{}", what.substr(0, what.find('\n')),
             syscount::how_to_get_privileges(own_path(called)));
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    auto const chosen = syscount::parse(argc, argv);
    if (int const* const status = std::get_if<int>(&chosen)) return *status;
    run(std::get<syscount::options>(chosen));
    return 0;
  } catch (std::system_error const& failure) {
    return explain(failure, argv[0]);
  } catch (std::exception const& failure) {
    fmt::print(stderr, "syscount: {}\n", failure.what());
    return 1;
  }
}
