// SPDX-License-Identifier: MIT
// Measures several ways of doing the same, turn by turn in one run, so that whatever else the machine does hits all
// of them alike.
#ifndef BPFMAP_BENCH_ROUNDS_HPP
#define BPFMAP_BENCH_ROUNDS_HPP

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace bench {

/// What one run of a technique took, and its answer: those of all techniques must be the same.
struct outcome {
  double nanoseconds = 0;
  std::uint64_t answer = 0;
};

/// One way of doing what is asked.
struct technique {
  enum class side : std::uint8_t { libbpf, ours, peer };

  std::string name;
  std::function<outcome(int repeats)> run;  // so many times, and the time of one
  bool repeatable = false;
  side of = side::libbpf;
};

/// What is done around a run without being measured.
struct around {
  std::function<void()> before;
  std::function<std::uint64_t()> answer;  // instead of what the run returns
  bool every_time = true;                 // or runs may be repeated without, to be long enough to be measured
};

/// A claim: `slow` takes at least, or at most, `bound` times as long as `fast`.
struct target {
  enum class kind : std::uint8_t { at_least, at_most } what;
  double bound;
  std::string slow;
  std::string fast;  // or several, with '|' between them: the best of each round
};

/// One question: techniques, run in rounds.
///
/// Prints the median and the quartiles of each, how many times as fast the reference is (the median and the quartiles
/// of the ratios of single rounds), whether the claims hold, and whether the run is too noisy to be believed.
/// All of it becomes counters of `state`.
class rounds {
 public:
  /// `unit` is what `operations` counts: a run makes that many.
  rounds(benchmark::State& state, std::string title, std::string unit, double operations);

  /// `work` is measured; what it returns is the answer. Or it measures itself and returns an outcome.
  template <class Work>
  rounds& add(std::string name, Work work, around const& extra = {}) {
    return add(technique::side::libbpf, std::move(name), std::move(work), extra);
  }

  /// Adds what the others are compared with. The first such one is the reference.
  template <class Work>
  rounds& ours(std::string name, Work work, around const& extra = {}) {
    return add(technique::side::ours, std::move(name), std::move(work), extra);
  }

  /// Adds every way that the peers have of doing `operation` on the map of `fd`; see peers.hpp.
  rounds& peers(std::string const& kind, int fd, std::string const& operation, std::function<std::string()> arguments,
                around const& extra = {});

  rounds& at_least(double bound, std::string slow, std::string fast);
  rounds& at_most(double bound, std::string slow, std::string fast);
  /// At least `bound` times as fast as every way of every peer.
  rounds& at_least_peers(double bound, std::string fast);

  /// Runs it all. False if that failed, which has been said.
  bool measure();

  /// The median for one operation, in nanoseconds; after measure().
  [[nodiscard]] double median(std::string const& name) const;

 private:
  template <class Work>
  rounds& add(technique::side of, std::string name, Work work, around const& extra) {
    auto run = [work = std::move(work), extra](int repeats) mutable {
      if (extra.before) extra.before();
      if constexpr (std::is_same_v<decltype(work()), outcome>) {
        return work();
      } else {
        std::uint64_t answer = 0;
        auto const start = std::chrono::steady_clock::now();
        for (int i = 0; i < repeats; ++i) answer = work();
        auto const end = std::chrono::steady_clock::now();
        if (extra.answer) answer = extra.answer();
        return outcome{std::chrono::duration<double, std::nano>(end - start).count() / repeats, answer};
      }
    };
    techniques_.push_back({std::move(name), std::move(run), !extra.before || !extra.every_time, of});
    return *this;
  }

  void warm_up();
  void run_rounds();
  void report();
  bool report_target(target const& claim);
  void keep_ratios(std::string const& name);
  [[nodiscard]] std::vector<double> ratios(std::string const& slow, std::string const& fast) const;
  [[nodiscard]] std::size_t place(std::string const& name) const;
  [[nodiscard]] std::size_t reference() const;

  benchmark::State& state_;
  std::string title_;
  std::string unit_;
  double operations_;
  double round_seconds_ = 0;
  std::vector<technique> techniques_;
  std::vector<int> repeats_;                // of each technique, to be long enough to be measured
  std::vector<std::vector<double>> times_;  // of each technique, for each round
  std::vector<target> targets_;
};

/// How to run: from the command line.
struct settings {
  bool quick = false;
  double seconds = 3;  // for each question, more if that is too little for min_rounds
};
settings& chosen();

/// Says that something beside a target must hold, or does not; `holds` goes into the exit status.
void claim(benchmark::State& state, std::string const& what, double measured, double bound, bool holds);

/// What the process ends with: 0 all is well, 1 something failed or a target was missed, 3 too noisy to be believed.
int exit_status();

/// For BENCHMARK(…)->Apply: once, since rounds repeat by themselves.
inline void in_rounds(benchmark::internal::Benchmark* each) { each->Iterations(1)->UseManualTime(); }

}  // namespace bench

#endif
