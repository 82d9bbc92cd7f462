// SPDX-License-Identifier: MIT
// expect-error: read-only|const
// (The compilers' own words: they ask no concept of bpfmap's here.)
#include <bpfmap/maps/array.hpp>

#include <cstdint>

using counters = bpfmap::array<std::uint64_t, bpfmap::mmapable>;
using shown = bpfmap::array<std::uint64_t, bpfmap::mmapable_read_only>;

void use() {
#ifdef BPFMAP_EXPECT_ERROR
  shown map;
  map[1] = 2;
#else
  counters map;
  map[1] = 2;
#endif
}
