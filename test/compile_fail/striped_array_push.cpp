// SPDX-License-Identifier: MIT
// expect-error: push, pop and peek belong to queue and stack: this map type has keys
#include <bpfmap/maps/striped_array.hpp>

#include <cstdint>

using drops = bpfmap::striped_array<std::uint64_t>;

bool use(drops& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.push(1);
#else
  return map.assign(0, 1);
#endif
}
