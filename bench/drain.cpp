// SPDX-License-Identifier: MIT
// Taking everything out of a hash, whatever its keys are.
#include <bpfmap/bpfmap.hpp>

#include <fmt/format.h>

#include "elements.hpp"
#include "rounds.hpp"

namespace {

constexpr char const* first_key = "libbpf first key, delete";

// The first key again and again, as BCC's clear_table_non_atomic does: the kernel looks for it from the first bucket
// on, and so n elements take n² steps.
void drain_by_first_key(int fd) {
  bench::key key = 0;
  while (bpf_map_get_next_key(fd, nullptr, &key) == 0) bpf_map_delete_elem(fd, &key);
}

void drain(benchmark::State& state) {
  auto const elements = static_cast<std::uint32_t>(state.range(0));
  auto const map = bpfmap::hash<bench::key, bench::value>::create({.name = "bench", .max_entries = elements});
  std::vector<bench::key> const keys = bench::shuffled_keys(elements);
  std::vector<bench::value> values(elements);
  std::ranges::transform(keys, values.begin(), bench::value_of);
  bench::around const full_before_and_empty_after{
      .before = [&] { bench::libbpf::put(map.fd(), keys, values); },
      .answer =
          [&] {
            bench::key key = 0;
            return std::uint64_t{bpf_map_get_next_key(map.fd(), nullptr, &key) == 0};
          }};
  bench::rounds drains(state, fmt::format("Draining a hash of {}", bench::grouped(elements)), "element", elements);
  if (elements <= 10'000) {
    drains.add(
        first_key,
        [&] {
          drain_by_first_key(map.fd());
          return std::uint64_t{0};
        },
        full_before_and_empty_after);
  }
  drains.add(
      "libbpf LOOKUP_AND_DELETE_BATCH", [&] { return bench::libbpf::empty(map.fd()); }, full_before_and_empty_after);
  auto const count = [=] { return fmt::format("{}", elements); };
  drains.peers("hash", map.fd(), "drain", count, full_before_and_empty_after)
      .peers("hash", map.fd(), "drain_batch", count, full_before_and_empty_after);
  std::vector<std::pair<bench::key, bench::value>> out;
  drains
      .ours(
          "bpfmap extract_all",
          [&] {
            out.clear();
            return map.extract_all(out);
          },
          full_before_and_empty_after)
      .ours(
          "bpfmap clear", [&] { return map.clear(); }, full_before_and_empty_after);
  if (elements <= 10'000) drains.at_least(20, first_key, "bpfmap clear").at_least(20, first_key, "bpfmap extract_all");
  if (!drains.measure()) return;
  static double of_few = 0;
  if (elements == 10'000) of_few = drains.median("bpfmap clear");
  if (elements == 1'000'000 && of_few != 0) {
    // An element costs some more where the map fits no cache; with n² steps it would cost 100 times as much.
    double const growth = drains.median("bpfmap clear") / of_few;
    bench::claim(state, "an element of 1,000,000 beside one of 10,000, at most", growth, 5, growth <= 5);
  }
}

BENCHMARK(drain)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Apply(bench::in_rounds);

}  // namespace
