// SPDX-License-Identifier: MIT
// expect-error: a bloom_filter has insert and might_contain
#include <bpfmap/maps/bloom_filter.hpp>

#include <cstdint>

using seen = bpfmap::bloom_filter<std::uint32_t>;

bool use(seen& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.contains(1);
#else
  return map.might_contain(1);
#endif
}
