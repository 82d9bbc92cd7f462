// SPDX-License-Identifier: MIT
// expect-error: this map type has no atomic extract
#include <bpfmap/maps/array.hpp>
#include <bpfmap/maps/hash.hpp>
#include <bpfmap/maps/of_maps.hpp>

#include <cstdint>

using cells = bpfmap::array<std::uint32_t>;
using pages = bpfmap::hash_of_maps<std::uint32_t, cells>;

void use(pages& map) {
#ifdef BPFMAP_EXPECT_ERROR
  (void)map.extract(1);
#else
  map.erase(1);
#endif
}
