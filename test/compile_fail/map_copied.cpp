// SPDX-License-Identifier: MIT
// expect-error: deleted
// (The compilers' own words: they ask no concept of bpfmap's here.)
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <utility>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;

flows use(flows& map) {
#ifdef BPFMAP_EXPECT_ERROR
  flows second = map;
#else
  flows second = map.clone();
#endif
  return second;
}
