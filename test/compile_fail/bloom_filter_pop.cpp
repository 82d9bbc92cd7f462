// SPDX-License-Identifier: MIT
// expect-error: what is in this map type stays in it
#include <bpfmap/maps/bloom_filter.hpp>

#include <cstdint>

using seen = bpfmap::bloom_filter<std::uint32_t>;

void use(seen& map) {
#ifdef BPFMAP_EXPECT_ERROR
  (void)map.pop();
#else
  (void)map.might_contain(1);
#endif
}
