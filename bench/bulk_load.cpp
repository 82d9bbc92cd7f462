// SPDX-License-Identifier: MIT
// Filling a hash, and overwriting all of it.
#include <bpfmap/bpfmap.hpp>

#include <fmt/format.h>

#include "elements.hpp"
#include "rounds.hpp"

namespace {

void load(benchmark::State& state, std::string const& title, std::uint32_t elements, bool empty_before) {
  auto const map = bpfmap::hash<bench::key, bench::value>::create({.name = "bench", .max_entries = elements});
  std::vector<bench::key> const keys = bench::shuffled_keys(elements);
  std::vector<bench::value> values(elements);
  std::ranges::transform(keys, values.begin(), bench::value_of);
  bench::libbpf::fill(map.fd(), elements);
  bench::around extra;
  if (empty_before) extra.before = [&] { bench::libbpf::empty(map.fd()); };
  auto const all = [=] { return fmt::format("0 {} {}", elements, elements); };
  bench::rounds loads(state, title, "element", elements);
  loads
      .add(
          "libbpf",
          [&] {
            std::uint64_t done = 0;
            for (std::uint32_t i = 0; i < elements; ++i) {
              done += bpf_map_update_elem(map.fd(), &keys[i], &values[i], BPF_ANY) == 0 ? 1 : 0;
            }
            return done;
          },
          extra)
      .add(
          "libbpf UPDATE_BATCH",
          [&] {
            bench::libbpf::put(map.fd(), keys, values);
            return std::uint64_t{elements};
          },
          extra)
      .peers("hash", map.fd(), "put", all, extra)
      .peers("hash", map.fd(), "put_batch", all, extra);
  loads.ours(
      "bpfmap insert_or_assign", [&] { return map.insert_or_assign(keys, values).matched; }, extra);
  // In large maps the work itself, in memory that is in no cache, costs as much as what is saved.
  if (elements <= 10'000) loads.at_least(2, "libbpf UPDATE_BATCH", "bpfmap insert_or_assign");
  loads.measure();
}

void bulk_load(benchmark::State& state) {
  auto const elements = static_cast<std::uint32_t>(state.range(0));
  load(state, fmt::format("Filling an empty hash with {}", bench::grouped(elements)), elements, true);
}

void bulk_overwrite(benchmark::State& state) {
  auto const elements = static_cast<std::uint32_t>(state.range(0));
  load(state, fmt::format("Overwriting all {} of a hash", bench::grouped(elements)), elements, false);
}

BENCHMARK(bulk_load)->Arg(10'000)->Arg(1'000'000)->Apply(bench::in_rounds);
BENCHMARK(bulk_overwrite)->Arg(10'000)->Arg(1'000'000)->Apply(bench::in_rounds);

}  // namespace
