// SPDX-License-Identifier: MIT
// expect-error: the kernel does not tell whether this map type had the element
#include <bpfmap/maps/array.hpp>
#include <bpfmap/maps/hash.hpp>
#include <bpfmap/maps/of_maps.hpp>

#include <cstdint>

using cells = bpfmap::array<std::uint32_t>;
using pages = bpfmap::array_of_maps<cells>;

void use(pages& map, cells const& inner) {
#ifdef BPFMAP_EXPECT_ERROR
  map.assign(1, inner);
#else
  map.insert_or_assign(1, inner);
#endif
}
