// SPDX-License-Identifier: MIT
// expect-error: what is in this map type stays in it
#include <bpfmap/maps/bloom_filter.hpp>

#include <cstdint>

using seen = bpfmap::bloom_filter<std::uint32_t>;

void use(seen& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map.push(1U);
#else
  map.insert(1);
#endif
}
