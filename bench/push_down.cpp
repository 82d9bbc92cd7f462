// SPDX-License-Identifier: MIT
// Questions about the elements: asked inside the kernel, beside fetching all of them and looking.
#include <bpfmap/bpfmap.hpp>

#include <fmt/format.h>

#include "elements.hpp"
#include "rounds.hpp"

namespace {

void one_in_a_hundred(benchmark::State& state) {
  auto const elements = static_cast<std::uint32_t>(state.range(0));
  bench::value const large = elements / 100 * 99;
  auto const map = bpfmap::hash<bench::key, bench::value>::create({.name = "bench", .max_entries = elements});
  bench::libbpf::fill(map.fd(), elements);
  std::vector<bench::key> keys(bench::libbpf::block);
  std::vector<bench::value> values(bench::libbpf::block);
  bench::rounds counts(
      state, fmt::format("Which of the {} values of a hash are large? One in a hundred", bench::grouped(elements)),
      "element", elements);
  counts
      .add("libbpf get_next_key, lookup",
           [&] {
             std::uint64_t count = 0;
             bench::libbpf::walk_by_keys(map.fd(),
                                         [&](bench::key, bench::value value) { count += value > large ? 1 : 0; });
             return count;
           })
      .add("libbpf LOOKUP_BATCH",
           [&] {
             std::uint64_t count = 0;
             bench::libbpf::walk_by_batch(map.fd(), keys, values,
                                          [&](bench::key const*, bench::value const* some, std::uint32_t of) {
                                            for (std::uint32_t i = 0; i < of; ++i) count += some[i] > large ? 1 : 0;
                                          });
             return count;
           })
      .ours("bpfmap count_if", [&] { return map.count_if(bpfmap::value() > large); })
      .measure();
}

BENCHMARK(one_in_a_hundred)->Arg(10'000)->Arg(1'000'000)->Apply(bench::in_rounds);

}  // namespace
