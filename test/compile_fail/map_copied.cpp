// SPDX-License-Identifier: MIT
// expect-error: deleted
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
