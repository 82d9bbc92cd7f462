// SPDX-License-Identifier: MIT
// expect-error: this array is mapped read-only: declare it as array<T, mmapable> to write
#include <bpfmap/maps/array.hpp>

#include <cstdint>

using counters = bpfmap::array<std::uint64_t, bpfmap::mmapable_read_only>;

std::uint64_t use(counters& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.atomic(1).load();
#else
  return map.load(1);
#endif
}
