// SPDX-License-Identifier: MIT
// What does a typed call cost beside the same call of libbpf? The answer should be: nothing.
#include <bpfmap/bpfmap.hpp>

#include <fmt/format.h>

#include "elements.hpp"
#include "rounds.hpp"

namespace {

using map_type = bpfmap::hash<bench::key, bench::value>;
constexpr std::uint32_t elements = 10'000;
constexpr std::uint32_t calls = 500;
constexpr double as_libbpf = 1.05;

map_type filled() {
  auto made = map_type::create({.name = "bench", .max_entries = 2 * elements});
  bench::libbpf::fill(made.fd(), elements);
  return made;
}

std::string keys_for_peers() { return fmt::format("0 {} {}", calls, elements); }

void find(benchmark::State& state) {
  auto const map = filled();
  auto const keys = bench::key_cycle(elements, calls).next();
  bench::rounds(state, "Looking up one of 10,000 in a hash", "lookup", calls)
      .add("libbpf",
           [&] {
             std::uint64_t sum = 0;
             for (bench::key const& key : keys) {
               bench::value value = 0;
               if (bpf_map_lookup_elem(map.fd(), &key, &value) == 0) sum += value;
             }
             return sum;
           })
      .ours("bpfmap find",
            [&] {
              std::uint64_t sum = 0;
              for (bench::key const key : keys) {
                if (auto const value = map.find(key)) sum += *value;
              }
              return sum;
            })
      .peers("hash", map.fd(), "get", keys_for_peers)
      .at_most(as_libbpf, "bpfmap find", "libbpf")
      .measure();
}

void find_absent(benchmark::State& state) {
  auto const map = filled();
  auto const keys = bench::key_cycle(elements, calls).next();
  bench::rounds(state, "Looking up what is not there, in a hash of 10,000", "lookup", calls)
      .add("libbpf",
           [&] {
             std::uint64_t absent = 0;
             for (bench::key key : keys) {
               key += elements;
               bench::value value = 0;
               if (bpf_map_lookup_elem(map.fd(), &key, &value) == -ENOENT) ++absent;
             }
             return absent;
           })
      .ours("bpfmap find",
            [&] {
              std::uint64_t absent = 0;
              for (bench::key const key : keys) {
                if (!map.find(key + elements)) ++absent;
              }
              return absent;
            })
      .at_most(as_libbpf, "bpfmap find", "libbpf")
      .measure();
}

void insert_or_assign(benchmark::State& state) {
  auto const map = filled();
  auto const keys = bench::key_cycle(elements, calls).next();
  bench::rounds(state, "Overwriting one of 10,000 in a hash", "update", calls)
      .add("libbpf",
           [&] {
             std::uint64_t done = 0;
             for (bench::key const& key : keys) {
               bench::value const value = bench::value_of(key);
               done += bpf_map_update_elem(map.fd(), &key, &value, BPF_ANY) == 0 ? 1 : 0;
             }
             return done;
           })
      .ours("bpfmap insert_or_assign",
            [&] {
              for (bench::key const key : keys) map.insert_or_assign(key, bench::value_of(key));
              return calls;
            })
      .peers("hash", map.fd(), "put", keys_for_peers)
      .at_most(as_libbpf, "bpfmap insert_or_assign", "libbpf")
      .measure();
}

void erase(benchmark::State& state) {
  auto const map = filled();
  auto const keys = bench::key_cycle(elements, calls).next();
  std::vector<bench::value> values(calls);
  std::ranges::transform(keys, values.begin(), bench::value_of);
  bench::around const all_are_there{
      .before = [&] { bench::libbpf::put(map.fd(), keys, values); }, .answer = {}, .every_time = true};
  bench::rounds(state, "Deleting one of 10,000 from a hash", "delete", calls)
      .add(
          "libbpf",
          [&] {
            std::uint64_t done = 0;
            for (bench::key const& key : keys) done += bpf_map_delete_elem(map.fd(), &key) == 0 ? 1 : 0;
            return done;
          },
          all_are_there)
      .ours(
          "bpfmap erase",
          [&] {
            std::uint64_t done = 0;
            for (bench::key const key : keys) done += map.erase(key) ? 1 : 0;
            return done;
          },
          all_are_there)
      .peers("hash", map.fd(), "erase", keys_for_peers, all_are_there)
      .at_most(as_libbpf, "bpfmap erase", "libbpf")
      .measure();
}

BENCHMARK(find)->Apply(bench::in_rounds);
BENCHMARK(find_absent)->Apply(bench::in_rounds);
BENCHMARK(insert_or_assign)->Apply(bench::in_rounds);
BENCHMARK(erase)->Apply(bench::in_rounds);

}  // namespace
