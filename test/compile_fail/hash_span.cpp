// SPDX-License-Identifier: MIT
// expect-error: only arrays, ring buffers and arenas into memory: this map type has no span
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;

std::uint64_t use(flows& map) {
  std::uint64_t sum = 0;
#ifdef BPFMAP_EXPECT_ERROR
  for (std::uint64_t const count : map.span()) sum += count;
#else
  for (std::uint64_t const count : map.values()) sum += count;
#endif
  return sum;
}
