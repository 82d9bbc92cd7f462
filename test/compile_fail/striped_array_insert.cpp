// SPDX-License-Identifier: MIT
// expect-error: every index of this map type is present already: use assign or insert_or_assign
#include <bpfmap/maps/striped_array.hpp>

#include <cstdint>

using drops = bpfmap::striped_array<std::uint64_t>;

bool use(drops& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.insert(1, 2);
#else
  return map.assign(1, 2);
#endif
}
