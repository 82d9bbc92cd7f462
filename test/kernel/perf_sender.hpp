// SPDX-License-Identifier: MIT
// A program that sends numbered events on a CPU of one's choice, and a reader of them.
#ifndef BPFMAP_TEST_KERNEL_PERF_SENDER_HPP
#define BPFMAP_TEST_KERNEL_PERF_SENDER_HPP

#include "../../bpf/events.h"
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <cstdint>

namespace test {

using reader_type = bpfmap::perf_reader<numbered_event>;

// The events object, loaded with an array of this policy and a reader on it.
template <class Sizing>
struct sender {
  bpfmap::object object = bpfmap::object::open(object_path("events"));
  bpfmap::perf_event_array<Sizing> events;
  reader_type reader;
  bpfmap::cpu_set online;

  explicit sender(bpfmap::perf_options const& options = {}) {
    object.map("events").set_max_entries(Sizing{});
    object.load();
    events = object.map<bpfmap::perf_event_array<Sizing>>("events");
    reader = reader_type::open(events, options);
    std::error_code ec;
    online = bpfmap::online_cpus(ec);
  }

  void send(std::size_t rank, int runs, std::uint32_t per_run = 1) {
    object.global<std::uint32_t>("events_per_run") = per_run;
    run_on(object.program("send"), online[rank], runs);
  }
  /// One from each CPU that is online.
  void send_from_all() {
    for (std::size_t rank = 0; rank < online.size(); ++rank) send(rank, 1);
  }
  std::uint64_t sent() { return object.global<std::uint64_t>("next_number"); }
  std::uint64_t refused() { return object.global<std::uint64_t>("refused"); }
  std::int64_t last_error() { return object.global<std::int64_t>("last_error"); }
};

using default_sender = sender<bpfmap::sizing::possible_cpus>;

}  // namespace test

#endif
