// SPDX-License-Identifier: MIT
// expect-error: an index of a striped array has a slot in the stripe of each CPU
#include <bpfmap/maps/striped_array.hpp>

#include <cstdint>

using drops = bpfmap::striped_array<std::uint64_t>;

bool use(drops& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map[1] == 2;
#else
  return map.at(1) == 2;
#endif
}
