// SPDX-License-Identifier: MIT
// expect-error: a std::span would be wrong
// expect-error: the size of T must be a multiple of 8; use cells
#include <bpfmap/maps/array.hpp>

#include <cstdint>

using counters = bpfmap::array<std::uint32_t, bpfmap::mmapable>;

std::uint64_t use(counters& map) {
  std::uint64_t sum = 0;
#ifdef BPFMAP_EXPECT_ERROR
  for (std::uint32_t const count : map.span()) sum += count;
#else
  for (std::uint32_t const count : map.cells()) sum += count;
#endif
  return sum;
}
