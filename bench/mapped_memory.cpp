// SPDX-License-Identifier: MIT
// Arrays: a span over the kernel's memory, and per-CPU arrays reduced, beside one system call an element.
#include "side_by_side.hpp"

#include <bpfmap/bpfmap.hpp>

#include <numeric>
#include <vector>

namespace {

constexpr std::uint32_t elements = 16'384;

void sum_of_an_array(benchmark::State& state) {
  auto const map = bpfmap::array<std::uint64_t, bpfmap::mmapable>::create({.name = "bench", .max_entries = elements});
  bench::side_by_side(
      state, elements,
      [&] {
        std::uint64_t sum = 0;
        for (std::uint32_t i = 0; i < elements; ++i) {
          std::uint64_t value = 0;
          bpf_map_lookup_elem(map.fd(), &i, &value);
          sum += value;
        }
        benchmark::DoNotOptimize(sum);
      },
      [&] {
        auto const cells = map.span();
        benchmark::DoNotOptimize(std::accumulate(cells.begin(), cells.end(), std::uint64_t{0}));
      });
}

void sum_of_a_percpu_array(benchmark::State& state) {
  auto const map = bpfmap::percpu_array<std::uint64_t>::create({.name = "bench", .max_entries = elements});
  std::error_code ec;
  std::vector<std::uint64_t> slots(bpfmap::possible_cpus(ec).size());
  bench::side_by_side(
      state, elements,
      [&] {
        std::uint64_t sum = 0;
        for (std::uint32_t i = 0; i < elements; ++i) {
          bpf_map_lookup_elem(map.fd(), &i, slots.data());
          sum = std::accumulate(slots.begin(), slots.end(), sum);
        }
        benchmark::DoNotOptimize(sum);
      },
      [&] {
        std::uint64_t sum = 0;
        for (std::uint64_t const value : map.values()) sum += value;
        benchmark::DoNotOptimize(sum);
      });
}

BENCHMARK(sum_of_an_array)->MinTime(1.0);
BENCHMARK(sum_of_a_percpu_array)->MinTime(1.0);

}  // namespace

BENCHMARK_MAIN();
