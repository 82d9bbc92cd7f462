// SPDX-License-Identifier: MIT
// expect-error: no matching (member )?function
#include <bpfmap/maps/array.hpp>
#include <bpfmap/maps/hash.hpp>
#include <bpfmap/maps/of_maps.hpp>

#include <cstdint>

using cells = bpfmap::array<std::uint32_t>;
using pages = bpfmap::hash_of_maps<std::uint32_t, cells>;

void use(pages& map, cells const& inner, bpfmap::hash<int, int> const& other) {
  static_cast<void>(inner), static_cast<void>(other);
#ifdef BPFMAP_EXPECT_ERROR
  map.insert_or_assign(1, other);
#else
  map.insert_or_assign(1, inner);
#endif
}
