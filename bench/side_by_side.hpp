// SPDX-License-Identifier: MIT
// Measures two ways of doing the same, turn by turn in one run, so that whatever else the machine does hits
// both alike.
#ifndef BPFMAP_BENCH_SIDE_BY_SIDE_HPP
#define BPFMAP_BENCH_SIDE_BY_SIDE_HPP

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace bench {

/// The value at `part` (0 to 1) of the sorted numbers.
inline double quantile(std::vector<double> numbers, double part) {
  if (numbers.empty()) return 0;
  auto const at = static_cast<std::size_t>(part * static_cast<double>(numbers.size() - 1));
  std::ranges::nth_element(numbers, numbers.begin() + static_cast<std::ptrdiff_t>(at));
  return numbers[at];
}

template <class F>
double nanoseconds_of(F&& f) {
  auto const start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

/// Runs `theirs` and `ours`, each of which makes `calls` calls, alternately and in alternating order. Reports
/// the medians for one call in nanoseconds, how many times `ours` is as fast, and the quartiles of that.
template <class Theirs, class Ours>
void side_by_side(benchmark::State& state, double calls, Theirs const& theirs, Ours const& ours) {
  std::vector<double> first;
  std::vector<double> second;
  std::vector<double> ratios;
  bool swapped = false;
  theirs(), ours();  // warm
  for (auto _ : state) {
    double a = 0;
    double b = 0;
    if (swapped) b = nanoseconds_of(ours);
    a = nanoseconds_of(theirs);
    if (!swapped) b = nanoseconds_of(ours);
    swapped = !swapped;
    first.push_back(a / calls);
    second.push_back(b / calls);
    ratios.push_back(a / b);
  }
  double const medians[] = {quantile(first, 0.5), quantile(second, 0.5)};
  state.counters["libbpf_ns"] = medians[0];
  state.counters["bpfmap_ns"] = medians[1];
  state.counters["times_as_fast"] = medians[0] / medians[1];
  state.counters["ratio_q1"] = quantile(ratios, 0.25);
  state.counters["ratio_q3"] = quantile(ratios, 0.75);
}

}  // namespace bench

#endif
