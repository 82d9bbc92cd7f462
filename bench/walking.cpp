// SPDX-License-Identifier: MIT
// Walking over all elements: a range-for beside the get_next_key and lookup loop.
#include "side_by_side.hpp"

#include <bpfmap/bpfmap.hpp>

namespace {

void walk(benchmark::State& state) {
  auto const elements = static_cast<std::uint32_t>(state.range(0));
  auto const map = bpfmap::hash<std::uint32_t, std::uint64_t>::create({.name = "bench", .max_entries = 2 * elements});
  for (std::uint32_t i = 0; i < elements; ++i) map.insert_or_assign(i, i);
  bench::side_by_side(
      state, elements,
      [&] {
        std::uint64_t sum = 0;
        std::uint32_t key = 0;
        std::uint32_t next = 0;
        for (void const* at = nullptr; bpf_map_get_next_key(map.fd(), at, &next) == 0; at = &key) {
          std::uint64_t value = 0;
          if (bpf_map_lookup_elem(map.fd(), &next, &value) == 0) sum += value;
          key = next;
        }
        benchmark::DoNotOptimize(sum);
      },
      [&] {
        std::uint64_t sum = 0;
        for (auto const& [key, value] : map) sum += value;
        benchmark::DoNotOptimize(sum);
      });
}

BENCHMARK(walk)->Arg(100)->Arg(10'000)->Arg(100'000)->MinTime(1.0);

}  // namespace

BENCHMARK_MAIN();
