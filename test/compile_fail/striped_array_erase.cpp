// SPDX-License-Identifier: MIT
// expect-error: elements of this map type cannot be erased
#include <bpfmap/maps/striped_array.hpp>

#include <cstdint>

using drops = bpfmap::striped_array<std::uint64_t>;

bool use(drops& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.erase(1);
#else
  return map.assign(1, 0);
#endif
}
