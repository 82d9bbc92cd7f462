// SPDX-License-Identifier: MIT
// expect-error: this array is not mapped into memory: declare it as array<T, mmapable>
#include <bpfmap/maps/array.hpp>

#include <cstdint>

using plain = bpfmap::array<std::uint64_t>;
using counters = bpfmap::array<std::uint64_t, bpfmap::mmapable>;

std::size_t use() {
#ifdef BPFMAP_EXPECT_ERROR
  plain map;
  return map.cells().size();
#else
  counters map;
  return map.cells().size();
#endif
}
