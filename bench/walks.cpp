// SPDX-License-Identifier: MIT
// Walking over all elements: a range-for, and in the kernel, beside the loops that libbpf's users write, for maps
// that are full and for maps that are nearly empty.
#include <bpfmap/bpfmap.hpp>

#include <fmt/format.h>

#include "elements.hpp"
#include "rounds.hpp"

namespace {

using map_type = bpfmap::hash<bench::key, bench::value>;

std::string no_arguments() { return {}; }

void add_libbpf(bench::rounds& walks, map_type const& map, std::vector<bench::key>& keys,
                std::vector<bench::value>& values) {
  walks
      .add("libbpf get_next_key, lookup",
           [&] {
             std::uint64_t sum = 0;
             bench::libbpf::walk_by_keys(map.fd(), [&](bench::key, bench::value value) { sum += value; });
             return sum;
           })
      .add("libbpf LOOKUP_BATCH", [&] {
        std::uint64_t sum = 0;
        bench::libbpf::walk_by_batch(map.fd(), keys, values,
                                     [&](bench::key const*, bench::value const* some, std::uint32_t count) {
                                       for (std::uint32_t i = 0; i < count; ++i) sum += some[i];
                                     });
        return sum;
      });
}

std::uint64_t sum_in_kernel(map_type const& map) {
  std::uint64_t sum = 0;
  for (auto const& [key, value] : map.entries(bpfmap::walk::in_kernel)) sum += value;
  return sum;
}

void add_ours(bench::rounds& walks, map_type const& map) {
  walks
      .ours("bpfmap entries",
            [&] {
              std::uint64_t sum = 0;
              for (auto const& [key, value] : map) sum += value;
              return sum;
            })
      .ours("bpfmap entries(walk::in_kernel)", [&] { return sum_in_kernel(map); });
}

void walk_of_a_full_map(benchmark::State& state) {
  auto const elements = static_cast<std::uint32_t>(state.range(0));
  auto const map = map_type::create({.name = "bench", .max_entries = elements});
  bench::libbpf::fill(map.fd(), elements);
  std::vector<bench::key> keys(bench::libbpf::block);
  std::vector<bench::value> values(bench::libbpf::block);
  bench::rounds walks(state, fmt::format("Walking a full hash of {}", bench::grouped(elements)), "element", elements);
  add_libbpf(walks, map, keys, values);
  add_ours(walks, map);
  walks.peers("hash", map.fd(), "walk", no_arguments).peers("hash", map.fd(), "walk_batch", no_arguments);
  if (elements >= 1'000'000) {
    walks.at_most(1.03, "bpfmap entries", "libbpf LOOKUP_BATCH")
        .at_least(6, "libbpf get_next_key, lookup", "bpfmap entries")
        .at_least(3, "bpfmap entries", "bpfmap entries(walk::in_kernel)");
  }
  walks.measure();
}

void walk_of_a_map_of_a_million(benchmark::State& state) {
  auto const elements = static_cast<std::uint32_t>(state.range(0));
  auto const map = map_type::create({.name = "bench", .max_entries = 1'000'000});
  bench::libbpf::fill(map.fd(), elements);
  std::vector<bench::key> keys(bench::libbpf::block);
  std::vector<bench::value> values(bench::libbpf::block);
  bench::rounds walks(
      state, fmt::format("Walking {} elements of a hash with room for 1,000,000", bench::grouped(elements)), "walk", 1);
  add_libbpf(walks, map, keys, values);
  add_ours(walks, map);
  // walk::in_kernel is a wish: of maps that are nearly empty it walks by batch. This is what it spares.
  auto in_kernel = map_type::from_fd(map.fd());
  in_kernel.set_bulk_path(bpfmap::bulk_path::in_kernel);
  walks.add("bpfmap, forced into the kernel", [&] { return sum_in_kernel(in_kernel); });
  walks.at_most(1.2, "bpfmap entries(walk::in_kernel)",
                "libbpf get_next_key, lookup|libbpf LOOKUP_BATCH|bpfmap entries|bpfmap, forced into the kernel");
  walks.measure();
}

BENCHMARK(walk_of_a_full_map)->Arg(100)->Arg(10'000)->Arg(1'000'000)->Apply(bench::in_rounds);
BENCHMARK(walk_of_a_map_of_a_million)->Arg(100)->Arg(10'000)->Arg(100'000)->Apply(bench::in_rounds);

}  // namespace
