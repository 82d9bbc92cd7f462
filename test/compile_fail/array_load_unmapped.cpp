// SPDX-License-Identifier: MIT
// expect-error: this array is not mapped into memory: declare it as array<T, mmapable>
#include <bpfmap/maps/array.hpp>

#include <cstdint>

using counters = bpfmap::array<std::uint64_t>;

std::uint64_t use(counters const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.load(1);
#else
  return map.at(1);
#endif
}
