// SPDX-License-Identifier: MIT
// expect-error: this array is not mapped into memory: declare it as array<T, mmapable>
#include <bpfmap/maps/array.hpp>

#include <cstdint>

using plain = bpfmap::array<std::uint64_t>;
using counters = bpfmap::array<std::uint64_t, bpfmap::mmapable>;

void use() {
#ifdef BPFMAP_EXPECT_ERROR
  plain map;
  map.atomic(1).fetch_add(1);
#else
  counters map;
  map.atomic(1).fetch_add(1);
#endif
}
