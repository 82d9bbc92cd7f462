// SPDX-License-Identifier: MIT
// The values of many keys at once: the kernel has no command for it, and one call for each key is what everybody does.
#include <bpfmap/bpfmap.hpp>

#include <fmt/format.h>

#include "elements.hpp"
#include "rounds.hpp"

namespace {

constexpr std::uint32_t elements = 10'000;
constexpr std::uint32_t most = 1'024;

std::uint64_t sum_of(std::vector<bench::value> const& values) {
  return std::accumulate(values.begin(), values.end(), std::uint64_t{0});
}

void multi_get(benchmark::State& state) {
  auto const group = static_cast<std::uint32_t>(state.range(0));
  std::uint32_t const keys = most / group * group;
  auto const map = bpfmap::hash<bench::key, bench::value>::create({.name = "bench", .max_entries = elements});
  bench::libbpf::fill(map.fd(), elements);
  // Other keys in each round, the same for all techniques.
  bench::key_cycle libbpf_keys(elements, keys);
  std::vector<bench::value> out(keys);
  bench::rounds gets(
      state, fmt::format("Looking up random keys in a hash of 10,000, {} at once", bench::grouped(group)), "key", keys);
  gets.add("libbpf",
           [&] {
             for (std::uint32_t i = 0; i < keys; ++i) bpf_map_lookup_elem(map.fd(), &libbpf_keys.taken()[i], &out[i]);
             return sum_of(out);
           },
           {.before = [&] { libbpf_keys.next(); }, .answer = {}, .every_time = false});
  bench::key_cycle our_keys(elements, keys);
  gets.ours("bpfmap find",
            [&] {
              std::span<bench::key const> const wanted = our_keys.taken();
              for (std::uint32_t i = 0; i < keys; i += group) {
                map.find(wanted.subspan(i, group), std::span(out).subspan(i, group));
              }
              return sum_of(out);
            },
            {.before = [&] { our_keys.next(); }, .answer = {}, .every_time = false});
  if (group == 4) gets.at_least(1, "libbpf", "bpfmap find");
  if (group == most) {
    gets.peers("hash", map.fd(), "get", [keys, start = std::uint32_t{0}]() mutable {
      std::uint32_t const from = start;
      start = (start + keys) % elements;
      return fmt::format("{} {} {}", from, keys, elements);
    });
  }
  if (group == most) gets.at_least(20, "libbpf", "bpfmap find").at_least_peers(15, "bpfmap find");
  gets.measure();
}

BENCHMARK(multi_get)->Arg(1)->Arg(2)->Arg(3)->Arg(4)->Arg(8)->Arg(64)->Arg(most)->Apply(bench::in_rounds);

}  // namespace
