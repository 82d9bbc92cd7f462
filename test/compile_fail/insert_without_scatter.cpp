// SPDX-License-Identifier: MIT
// expect-error: this map is read-only: its reducer has no scatter
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct larger {
#ifndef BPFMAP_EXPECT_ERROR
  static constexpr std::uint64_t identity = 0;
#endif
  std::uint64_t operator()(std::uint64_t a, std::uint64_t b) const { return a < b ? b : a; }
};
using peaks = bpfmap::percpu_hash<std::uint32_t, std::uint64_t, bpfmap::reduce::merge<larger>>;

bool use(peaks& map) { return map.insert(1, 2); }
