// SPDX-License-Identifier: MIT
// expect-error: elements of this map type cannot be erased
#include <bpfmap/maps/array.hpp>

#include <cstdint>

using counters = bpfmap::array<std::uint64_t>;

bool use(counters& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.erase(1);
#else
  return map.assign(1, 0);
#endif
}
