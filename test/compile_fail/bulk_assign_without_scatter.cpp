// SPDX-License-Identifier: MIT
// expect-error: this map is read-only: its reducer has no scatter
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <vector>

struct first {
  std::uint64_t operator()(bpfmap::per_cpu_view<std::uint64_t const> slots) const { return slots[0]; }
#ifndef BPFMAP_EXPECT_ERROR
  void scatter(std::uint64_t value, bpfmap::per_cpu_view<std::uint64_t> slots) const {
    for (std::uint64_t& slot : slots) slot = value;
  }
#endif
};

using counts = bpfmap::percpu_hash<std::uint32_t, std::uint64_t, first>;

void use(counts const& map, std::vector<std::uint32_t> const& keys, std::vector<std::uint64_t> const& values) {
  map.assign(keys, values);
}
