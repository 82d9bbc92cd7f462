// SPDX-License-Identifier: MIT
// expect-error: the kernel takes no BPF_NOEXIST for this map type: use insert_or_assign
#include <bpfmap/maps/array.hpp>
#include <bpfmap/maps/hash.hpp>
#include <bpfmap/maps/of_maps.hpp>

#include <cstdint>

using cells = bpfmap::array<std::uint32_t>;
using pages = bpfmap::array_of_maps<cells>;

void use(pages& map, cells const& inner) {
#ifdef BPFMAP_EXPECT_ERROR
  map.insert(1, inner);
#else
  map.insert_or_assign(1, inner);
#endif
}
