// SPDX-License-Identifier: MIT
// expect-error: the elements of this map type cannot be counted
#include <bpfmap/maps/bloom_filter.hpp>

#include <cstdint>

using seen = bpfmap::bloom_filter<std::uint32_t>;

auto use(seen& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.size();
#else
  return map.max_size();
#endif
}
