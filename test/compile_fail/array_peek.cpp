// SPDX-License-Identifier: MIT
// expect-error: push, pop and peek belong to queue and stack: this map type has keys
#include <bpfmap/maps/array.hpp>

#include <cstdint>

using counters = bpfmap::array<std::uint64_t>;

bool use(counters& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.peek();
#else
  return map.contains(1);
#endif
}
