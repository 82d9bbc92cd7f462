// SPDX-License-Identifier: MIT
// Deleting many keys that are known.
#include <bpfmap/bpfmap.hpp>

#include <fmt/format.h>

#include "elements.hpp"
#include "rounds.hpp"

namespace {

void bulk_erase(benchmark::State& state) {
  auto const elements = static_cast<std::uint32_t>(state.range(0));
  auto const map = bpfmap::hash<bench::key, bench::value>::create({.name = "bench", .max_entries = elements});
  std::vector<bench::key> const keys = bench::shuffled_keys(elements);
  std::vector<bench::value> values(elements);
  std::ranges::transform(keys, values.begin(), bench::value_of);
  bench::around const full_before{
      .before = [&] { bench::libbpf::put(map.fd(), keys, values); }, .answer = {}, .every_time = true};
  auto const all = [=] { return fmt::format("0 {} {}", elements, elements); };
  bench::rounds erasures(state, fmt::format("Deleting {} keys of a hash", bench::grouped(elements)), "key", elements);
  erasures
      .add(
          "libbpf",
          [&] {
            std::uint64_t done = 0;
            for (bench::key const& key : keys) done += bpf_map_delete_elem(map.fd(), &key) == 0 ? 1 : 0;
            return done;
          },
          full_before)
      .add(
          "libbpf DELETE_BATCH",
          [&] {
            bench::libbpf::erase(map.fd(), keys);
            return std::uint64_t{elements};
          },
          full_before)
      .peers("hash", map.fd(), "erase", all, full_before)
      .peers("hash", map.fd(), "erase_batch", all, full_before);
  erasures.ours(
      "bpfmap erase", [&] { return map.erase(keys).matched; }, full_before);
  if (elements <= 10'000) erasures.at_least(1.5, "libbpf DELETE_BATCH", "bpfmap erase");
  erasures.measure();
}

BENCHMARK(bulk_erase)->Arg(10'000)->Arg(1'000'000)->Apply(bench::in_rounds);

}  // namespace
