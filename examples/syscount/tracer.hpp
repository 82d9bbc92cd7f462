// SPDX-License-Identifier: MIT
// Everything that has to do with BPF: programs and maps, from opening them to what is in them.
#ifndef SYSCOUNT_TRACER_HPP
#define SYSCOUNT_TRACER_HPP

#include <chrono>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <vector>

#include <bpfmap/bpfmap.hpp>

#include "options.hpp"
#include "report.hpp"
#include "syscount.h"

namespace syscount {

/// Adds what two CPUs have counted; the name is that of the later call.
struct add_stats {
  syscount_stats operator()(syscount_stats const& a, syscount_stats const& b) const noexcept;
};

/// The programs, loaded and attached from the constructor on. For one thread.
class tracer {
 public:
  /// @throws std::invalid_argument the options name an unknown program
  /// @throws bpfmap::error         the kernel refuses something
  explicit tracer(options const& wanted);

  /// Takes in samples, for that long at the most. Ten times a second, asks the maps for their
  /// sizes.
  void watch(std::chrono::milliseconds time);

  /// Detaches the programs: from now on, nothing changes. Takes in the last samples.
  void stop();

  /// How much is left of so much time since the beginning; not positive if there is none.
  [[nodiscard]] std::chrono::milliseconds time_left(std::chrono::seconds time) const;

  /// What is known now.
  [[nodiscard]] report look();

 private:
  using pair_map = bpfmap::percpu_hash<syscount_key, syscount_stats, bpfmap::reduce::merge<add_stats>>;
  using start_map = bpfmap::lru_hash<std::uint32_t, syscount_start>;
  // Read-only: the tool only looks at what the programs count.
  using latency_map = bpfmap::array<std::uint64_t, bpfmap::mmapable_read_only>;
  using sizing = bpfmap::sizing::possible_cpus;
  static constexpr std::string_view sizing_name = "possible_cpus";
  using sample_map = bpfmap::perf_event_array<sizing>;
  using clock = std::chrono::steady_clock;  // the clock of bpf_ktime_get_ns()

  void choose_programs(options const& wanted);
  void open_maps(options const& wanted);
  void take(syscount_sample const& event, bpfmap::cpu where);
  void check_samples(std::error_code ec);
  void ask_sizes();
  void add_tables(report& to) const;

  report known_;  // what does not change, and what is kept from one look to the next
  bpfmap::object object_;
  pair_map pairs_;
  start_map starts_;
  latency_map latency_;
  sample_map samples_;
  bpfmap::perf_reader<syscount_sample> reader_;
  std::uint64_t* not_counted_ = nullptr;  // the programs' global variables
  std::uint64_t* not_noted_ = nullptr;
  std::uint64_t* sampled_ = nullptr;
  std::vector<bpfmap::link> links_;
  clock::time_point began_;
  clock::time_point ended_;
  clock::time_point next_question_;
};

}  // namespace syscount

#endif
