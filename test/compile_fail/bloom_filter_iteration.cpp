// SPDX-License-Identifier: MIT
// expect-error: the elements of this map type cannot be enumerated
#include <bpfmap/maps/bloom_filter.hpp>

#include <cstdint>

using seen = bpfmap::bloom_filter<std::uint32_t>;

void use(seen& map) {
#ifdef BPFMAP_EXPECT_ERROR
  for (std::uint32_t each : map) static_cast<void>(each);
#else
  (void)map.might_contain(1);
#endif
}
