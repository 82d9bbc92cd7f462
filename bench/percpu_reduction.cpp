// SPDX-License-Identifier: MIT
// The sums over all CPUs of all elements of a per-CPU array.
#include <bpfmap/bpfmap.hpp>

#include <fmt/format.h>

#include <numeric>

#include "elements.hpp"
#include "rounds.hpp"

namespace {

std::uint64_t sum_of(std::vector<std::uint64_t> const& totals) {
  return std::accumulate(totals.begin(), totals.end(), std::uint64_t{0});
}

std::string no_arguments() { return {}; }

void totals_of_a_percpu_array(benchmark::State& state) {
  auto const elements = static_cast<std::uint32_t>(state.range(0));
  auto const map = bpfmap::percpu_array<std::uint64_t>::create({.name = "bench", .max_entries = elements});
  std::error_code ec;
  bpfmap::cpu_set const& possible = bpfmap::possible_cpus(ec);
  std::size_t const cpus = possible.size();
  auto const striped = bpfmap::striped_array<std::uint64_t>::create({.name = "bench", .max_entries = elements});
  std::vector<std::uint64_t> memory(elements * cpus);  // as a striped array has it
  std::vector<bench::key> keys(bench::libbpf::block);
  std::vector<std::uint64_t> slots(bench::libbpf::block * cpus);
  for (std::uint32_t i = 0; i < elements; ++i) {
    for (std::size_t cpu = 0; cpu < cpus; ++cpu) slots[cpu] = i + cpu;
    bench::libbpf::expect(bpf_map_update_elem(map.fd(), &i, slots.data(), BPF_ANY) == 0, "an update fails");
    for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
      striped.insert_or_assign(i, slots[cpu], bpfmap::cpu{possible[cpu]});
      memory[cpu * elements + i] = slots[cpu];
    }
  }
  std::vector<std::uint64_t> totals(elements);
  bench::rounds sums(state, fmt::format("Totals of a per-CPU array of {}, {} CPUs", bench::grouped(elements), cpus),
                     "element", elements);
  sums.add("libbpf",
           [&] {
             for (std::uint32_t i = 0; i < elements; ++i) {
               bpf_map_lookup_elem(map.fd(), &i, slots.data());
               totals[i] = std::accumulate(slots.data(), slots.data() + cpus, std::uint64_t{0});
             }
             return sum_of(totals);
           })
      .add("libbpf LOOKUP_BATCH",
           [&] {
             bench::libbpf::walk_by_batch(map.fd(), keys, slots,
                                          [&](bench::key const* some, std::uint64_t const* of, std::uint32_t count) {
                                            for (std::uint32_t i = 0; i < count; ++i, of += cpus) {
                                              totals[some[i]] = std::accumulate(of, of + cpus, std::uint64_t{0});
                                            }
                                          });
             return sum_of(totals);
           })
      .add("ordinary memory",
           [&] {
             // In pieces that stay in the first cache: one pass through memory, whatever the number of CPUs.
             constexpr std::uint32_t piece = 1024;
             for (std::uint32_t from = 0; from < elements; from += piece) {
               std::uint32_t const end = std::min(from + piece, elements);
               for (std::uint32_t i = from; i < end; ++i) totals[i] = memory[i];
               for (std::size_t cpu = 1; cpu < cpus; ++cpu) {
                 std::uint64_t const* const of = memory.data() + cpu * elements;
                 for (std::uint32_t i = from; i < end; ++i) totals[i] += of[i];
               }
             }
             benchmark::ClobberMemory();
             return sum_of(totals);
           })
      .ours("bpfmap totals",
            [&] {
              map.totals(totals);
              return sum_of(totals);
            })
      .ours("bpfmap values",
            [&] {
              std::uint32_t i = 0;
              for (std::uint64_t const total : map.values()) totals[i++] = total;
              return sum_of(totals);
            })
      .ours("bpfmap striped_array totals",
            [&] {
              striped.totals(totals);
              return sum_of(totals);
            })
      .peers("percpu_array", map.fd(), "reduce", no_arguments)
      .peers("percpu_array", map.fd(), "reduce_batch", no_arguments);
  if (elements == 65'536) {
    sums.at_least(40, "libbpf", "bpfmap totals")
        .at_least(10, "libbpf LOOKUP_BATCH", "bpfmap totals")
        .at_least_peers(10, "bpfmap totals")
        .at_least(500, "libbpf", "bpfmap striped_array totals")
        .at_most(1.5, "bpfmap striped_array totals", "ordinary memory");
  }
  sums.measure();
}

BENCHMARK(totals_of_a_percpu_array)->Arg(1'024)->Arg(65'536)->Apply(bench::in_rounds);

}  // namespace
