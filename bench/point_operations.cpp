// SPDX-License-Identifier: MIT
// What does a typed call cost beside the same call of libbpf? The answer should be: nothing.
#include "side_by_side.hpp"

#include <bpfmap/bpfmap.hpp>

namespace {

using map_type = bpfmap::hash<std::uint32_t, std::uint64_t>;
constexpr std::uint32_t elements = 10'000;
constexpr int calls = 200;

map_type& filled() {
  static map_type map = [] {
    auto made = map_type::create({.name = "bench", .max_entries = 2 * elements});
    for (std::uint32_t i = 0; i < elements; ++i) made.insert_or_assign(i, i);
    return made;
  }();
  return map;
}

// The same keys, in the same order, for both sides.
struct key_walk {
  std::uint32_t key = 0;
  std::uint32_t next() { return key = (key + 7919) % elements; }
};

void find(benchmark::State& state) {
  auto const& map = filled();
  key_walk theirs_keys;
  key_walk ours_keys;
  bench::side_by_side(
      state, calls,
      [&] {
        for (int i = 0; i < calls; ++i) {
          std::uint32_t const key = theirs_keys.next();
          std::uint64_t value = 0;
          benchmark::DoNotOptimize(bpf_map_lookup_elem(map.fd(), &key, &value));
          benchmark::DoNotOptimize(value);
        }
      },
      [&] {
        for (int i = 0; i < calls; ++i) benchmark::DoNotOptimize(map.find(ours_keys.next()));
      });
}

void find_absent(benchmark::State& state) {
  auto const& map = filled();
  key_walk theirs_keys;
  key_walk ours_keys;
  bench::side_by_side(
      state, calls,
      [&] {
        for (int i = 0; i < calls; ++i) {
          std::uint32_t const key = elements + theirs_keys.next();
          std::uint64_t value = 0;
          benchmark::DoNotOptimize(bpf_map_lookup_elem(map.fd(), &key, &value));
        }
      },
      [&] {
        for (int i = 0; i < calls; ++i) benchmark::DoNotOptimize(map.find(elements + ours_keys.next()));
      });
}

void insert_or_assign(benchmark::State& state) {
  auto const& map = filled();
  key_walk theirs_keys;
  key_walk ours_keys;
  bench::side_by_side(
      state, calls,
      [&] {
        for (int i = 0; i < calls; ++i) {
          std::uint32_t const key = theirs_keys.next();
          std::uint64_t const value = key;
          benchmark::DoNotOptimize(bpf_map_update_elem(map.fd(), &key, &value, BPF_ANY));
        }
      },
      [&] {
        for (int i = 0; i < calls; ++i) {
          std::uint32_t const key = ours_keys.next();
          map.insert_or_assign(key, key);
        }
      });
}

// Both sides delete and put back; what is put back is put back by libbpf on both sides.
void erase(benchmark::State& state) {
  auto const& map = filled();
  key_walk theirs_keys;
  key_walk ours_keys;
  auto const put_back = [&](std::uint32_t key) {
    std::uint64_t const value = key;
    benchmark::DoNotOptimize(bpf_map_update_elem(map.fd(), &key, &value, BPF_ANY));
  };
  bench::side_by_side(
      state, calls,
      [&] {
        for (int i = 0; i < calls; ++i) {
          std::uint32_t const key = theirs_keys.next();
          benchmark::DoNotOptimize(bpf_map_delete_elem(map.fd(), &key));
          put_back(key);
        }
      },
      [&] {
        for (int i = 0; i < calls; ++i) {
          std::uint32_t const key = ours_keys.next();
          benchmark::DoNotOptimize(map.erase(key));
          put_back(key);
        }
      });
}

BENCHMARK(find)->MinTime(2.0);
BENCHMARK(find_absent)->MinTime(2.0);
BENCHMARK(insert_or_assign)->MinTime(2.0);
BENCHMARK(erase)->MinTime(2.0);

}  // namespace

BENCHMARK_MAIN();
