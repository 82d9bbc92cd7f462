// SPDX-License-Identifier: MIT
// expect-error: push, pop and peek belong to queue and stack: this map type has keys
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;

void use(flows& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map.push(std::uint64_t{2});
#else
  map.insert_or_assign(1, 2);
#endif
}
