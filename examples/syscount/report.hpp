// SPDX-License-Identifier: MIT
// What the tool has found out, as plain data: made by the tracer, shown as text or as JSON.
#ifndef SYSCOUNT_REPORT_HPP
#define SYSCOUNT_REPORT_HPP

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <bpfmap/core/histogram.hpp>

namespace syscount {

/// One line of a table: of a process, of a system call, or of both.
struct row {
  std::uint32_t pid = 0;
  std::int32_t call = 0;
  std::string name = {};  // the process's, as the kernel has it: any bytes
  std::uint64_t calls = 0;
  std::uint64_t finished = 0;
  std::uint64_t failed = 0;
  std::uint64_t ns = 0;
  std::uint64_t last_ns = 0;
};

/// What size() has cost so far, by one method of counting.
struct counting_cost {
  std::string_view method = {};
  std::uint32_t times = 0;
  std::chrono::nanoseconds first = {};  // with what the method takes to be set up
  std::chrono::nanoseconds fastest = {};
};

/// A map's size(), beside a walk over it.
struct map_size {
  std::string map = {};
  std::uint64_t room = 0;
  std::uint64_t size = 0;
  std::string_view method = {};
  std::chrono::nanoseconds time = {};
  std::uint64_t walked = 0;
  std::chrono::nanoseconds walk_time = {};
  std::vector<counting_cost> costs = {};
};

struct sample {
  std::chrono::nanoseconds after = {};  // since the beginning
  std::uint32_t cpu = 0;
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::int32_t call = 0;
  std::string name = {};
};

struct sampling {
  std::uint32_t every = 0;
  std::string_view policy = {};
  std::uint64_t entries = 0;
  std::vector<std::uint32_t> cpus = {};  // those with an open buffer
  std::uint64_t taken = 0;               // by the program
  std::uint64_t received = 0;
  std::uint64_t lost = 0;
  std::uint64_t malformed = 0;
  std::deque<sample> last = {};
};

struct report {
  std::chrono::nanoseconds time = {};
  bool interrupted = false;
  std::vector<std::string> programs = {};  // that are loaded
  bool counts = false;                     // count_calls is loaded
  bool times = false;                      // time_calls is
  bool stamps = false;                     // stamp_calls is
  bool samples = false;                    // sample_calls is

  std::uint64_t total = 0;        // calls, by all processes
  std::uint64_t not_counted = 0;  // calls that the map had no room for
  std::uint64_t not_noted = 0;    // calls whose beginning could not be noted
  std::vector<row> pairs = {};    // all tables: the busiest first
  std::vector<row> processes = {};
  std::vector<row> system_calls = {};
  bpfmap::histogram latency = {};  // in ns
  std::vector<map_size> sizes = {};
  sampling sampled = {};
};

}  // namespace syscount

#endif
