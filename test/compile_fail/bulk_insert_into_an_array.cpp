// SPDX-License-Identifier: MIT
// expect-error: every index of this map type is present already
#include <bpfmap/maps/array.hpp>

#include <cstdint>
#include <vector>

void use(bpfmap::array<std::uint64_t> const& map, std::vector<std::uint32_t> const& keys,
         std::vector<std::uint64_t> const& values) {
#ifdef BPFMAP_EXPECT_ERROR
  map.insert(keys, values);
#else
  map.insert_or_assign(keys, values);
#endif
}
