// SPDX-License-Identifier: MIT
// How many elements are there? size() beside the walk that everybody writes.
#include "side_by_side.hpp"

#include <bpfmap/bpfmap.hpp>

#include <vector>

namespace {

void size(benchmark::State& state) {
  auto const elements = static_cast<std::uint32_t>(state.range(0));
  auto const map = bpfmap::hash<std::uint32_t, std::uint64_t>::create({.name = "bench", .max_entries = 2 * elements});
  std::vector<std::uint32_t> keys(elements);
  std::vector<std::uint64_t> values(elements);
  for (std::uint32_t i = 0; i < elements; ++i) keys[i] = i;
  std::uint32_t done = elements;
  if (bpf_map_update_batch(map.fd(), keys.data(), values.data(), &done, nullptr) != 0) {
    state.SkipWithError("the map cannot be filled");
    return;
  }
  // Small maps walk at first; what is measured is the state that asking again and again leads to.
  for (int i = 0; i < 1000 && map.counted_by() != bpfmap::counting::kernel_counter; ++i) {
    benchmark::DoNotOptimize(map.size());
  }
  bench::side_by_side(
      state, 1,
      [&] {
        std::uint64_t count = 0;
        std::uint32_t key = 0;
        std::uint32_t next = 0;
        for (void const* at = nullptr; bpf_map_get_next_key(map.fd(), at, &next) == 0; at = &key) {
          key = next;
          ++count;
        }
        benchmark::DoNotOptimize(count);
      },
      [&] { benchmark::DoNotOptimize(map.size()); });
  state.SetLabel(std::string(to_string(map.counted_by())));
}

BENCHMARK(size)->Arg(10)->Arg(1'000)->Arg(150'000)->MinTime(1.0);

}  // namespace

BENCHMARK_MAIN();
