// SPDX-License-Identifier: MIT
// Arrays: a span over the kernel's memory beside system calls, and beside ordinary memory, which is the limit.
#include <bpfmap/bpfmap.hpp>

#include <cstring>

#include "elements.hpp"
#include "rounds.hpp"

namespace {

constexpr std::uint32_t elements = 16'384;

bpfmap::array<bench::value, bpfmap::mmapable> make() {
  return bpfmap::array<bench::value, bpfmap::mmapable>::create({.name = "bench", .max_entries = elements});
}

std::uint64_t sum_of(std::span<bench::value const> cells) {
  std::uint64_t sum = 0;
  for (bench::value const cell : cells) sum += cell;
  return sum;
}

void read_an_array(benchmark::State& state) {
  auto map = make();
  std::vector<bench::key> keys(bench::libbpf::block);
  std::vector<bench::value> values(bench::libbpf::block);
  std::vector<bench::value> memory(elements);
  for (std::uint32_t i = 0; i < elements; ++i) memory[i] = map.span()[i] = bench::value_of(i);
  bench::rounds(state, "Summing an array of 16,384", "element", elements)
      .add("libbpf",
           [&] {
             std::uint64_t sum = 0;
             for (std::uint32_t i = 0; i < elements; ++i) {
               bench::value value = 0;
               bpf_map_lookup_elem(map.fd(), &i, &value);
               sum += value;
             }
             return sum;
           })
      .add("libbpf LOOKUP_BATCH",
           [&] {
             std::uint64_t sum = 0;
             bench::libbpf::walk_by_batch(map.fd(), keys, values,
                                          [&](bench::key const*, bench::value const* some, std::uint32_t count) {
                                            sum += sum_of({some, count});
                                          });
             return sum;
           })
      .add("ordinary memory",
           [&] {
             benchmark::ClobberMemory();
             return sum_of(memory);
           })
      .ours("bpfmap span",
            [&] {
              benchmark::ClobberMemory();
              return sum_of(map.span());
            })
      .measure();
}

void write_an_array(benchmark::State& state) {
  auto map = make();
  std::vector<bench::key> keys(elements);
  std::vector<bench::value> source(elements);
  std::vector<bench::value> memory(elements);
  for (std::uint32_t i = 0; i < elements; ++i) source[keys[i] = i] = bench::value_of(i);
  auto const copy_to = [&](std::span<bench::value> cells) {
    std::memcpy(cells.data(), source.data(), cells.size_bytes());
    benchmark::ClobberMemory();
    return std::uint64_t{elements};
  };
  bench::rounds(state, "Filling an array of 16,384", "element", elements)
      .add("libbpf",
           [&] {
             std::uint64_t done = 0;
             for (std::uint32_t i = 0; i < elements; ++i) {
               done += bpf_map_update_elem(map.fd(), &i, &source[i], BPF_ANY) == 0 ? 1 : 0;
             }
             return done;
           })
      .add("libbpf UPDATE_BATCH",
           [&] {
             bench::libbpf::put(map.fd(), keys, source);
             return std::uint64_t{elements};
           })
      .add("ordinary memory", [&] { return copy_to(memory); })
      .ours("bpfmap span", [&] { return copy_to(map.span()); })
      .measure();
}

BENCHMARK(read_an_array)->Apply(bench::in_rounds);
BENCHMARK(write_an_array)->Apply(bench::in_rounds);

}  // namespace
