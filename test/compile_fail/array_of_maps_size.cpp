// SPDX-License-Identifier: MIT
// expect-error: the elements of this map type cannot be counted
#include <bpfmap/maps/array.hpp>
#include <bpfmap/maps/hash.hpp>
#include <bpfmap/maps/of_maps.hpp>

#include <cstdint>

using cells = bpfmap::array<std::uint32_t>;
using pages = bpfmap::array_of_maps<cells>;

auto use(pages& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.size();
#else
  return map.max_size();
#endif
}
