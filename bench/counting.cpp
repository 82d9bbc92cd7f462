// SPDX-License-Identifier: MIT
// How many elements are there? size() beside the walks that everybody writes.
#include <bpfmap/bpfmap.hpp>

#include <fmt/format.h>

#include "elements.hpp"
#include "rounds.hpp"

namespace {

void size(benchmark::State& state) {
  auto const elements = static_cast<std::uint32_t>(state.range(0));
  auto const map = bpfmap::hash<bench::key, bench::value>::create({.name = "bench", .max_entries = 2 * elements});
  bench::libbpf::fill(map.fd(), elements);
  std::vector<bench::key> keys(bench::libbpf::block);
  std::vector<bench::value> values(bench::libbpf::block);
  // Small maps walk at first; what is measured is the state that asking again and again leads to.
  for (int i = 0; i < 1000 && map.counted_by() != bpfmap::counting::kernel_counter; ++i) {
    benchmark::DoNotOptimize(map.size());
  }
  bench::rounds(state, fmt::format("Counting {} elements of a hash", bench::grouped(elements)), "count", 1)
      .add("libbpf get_next_key",
           [&] {
             std::uint64_t count = 0;
             bench::key key = 0;
             bench::key next = 0;
             for (void const* at = nullptr; bpf_map_get_next_key(map.fd(), at, &next) == 0; at = &key) {
               key = next;
               ++count;
             }
             return count;
           })
      .add("libbpf LOOKUP_BATCH",
           [&] {
             std::uint64_t count = 0;
             bench::libbpf::walk_by_batch(map.fd(), keys, values,
                                          [&](auto const*, auto const*, std::uint32_t n) { count += n; });
             return count;
           })
      .ours("bpfmap size", [&] { return map.size(); })
      .measure();
}

BENCHMARK(size)->Arg(100)->Arg(10'000)->Arg(100'000)->Apply(bench::in_rounds);

}  // namespace
