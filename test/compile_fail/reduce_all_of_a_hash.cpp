// SPDX-License-Identifier: MIT
// expect-error: this map type has one value a key, not one a CPU
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;

std::uint64_t use(flows& map) {
  std::uint64_t sum = 0;
#ifdef BPFMAP_EXPECT_ERROR
  map.reduce_all();
#else
  for (std::uint64_t const count : map.values()) sum += count;
#endif
  return sum;
}
