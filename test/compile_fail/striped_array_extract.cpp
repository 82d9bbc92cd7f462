// SPDX-License-Identifier: MIT
// expect-error: this map type has no atomic extract
#include <bpfmap/maps/striped_array.hpp>

#include <cstdint>

using drops = bpfmap::striped_array<std::uint64_t>;

bool use(drops& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.extract(1) == 0;
#else
  return map.find(1) == 0U;
#endif
}
