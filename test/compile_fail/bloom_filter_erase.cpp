// SPDX-License-Identifier: MIT
// expect-error: elements of this map type cannot be erased
#include <bpfmap/maps/bloom_filter.hpp>

#include <cstdint>

using seen = bpfmap::bloom_filter<std::uint32_t>;

void use(seen& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map.erase(1);
#else
  map.insert(1);
#endif
}
