// SPDX-License-Identifier: MIT
// expect-error: this map is read-only: its reducer has no scatter
#include <bpfmap/maps/striped_array.hpp>

#include <cstdint>

struct first {
  std::uint64_t operator()(bpfmap::per_cpu_view<std::uint64_t const> slots) const { return slots[0]; }
#ifndef BPFMAP_EXPECT_ERROR
  void scatter(std::uint64_t value, bpfmap::per_cpu_view<std::uint64_t> slots) const {
    for (std::uint64_t& slot : slots) slot = value;
  }
#endif
};

bool use(bpfmap::striped_array<std::uint64_t, first>& map) { return map.assign(1, 2); }
