// SPDX-License-Identifier: MIT
// expect-error: this array is not mapped into memory: declare it as array<T, mmapable>
#include <bpfmap/maps/array.hpp>

#include <cstdint>

using counters = bpfmap::array<std::uint64_t>;

void use(counters& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map[1] = 2;
#else
  map.insert_or_assign(1, 2);
#endif
}
