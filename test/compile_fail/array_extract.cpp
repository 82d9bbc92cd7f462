// SPDX-License-Identifier: MIT
// expect-error: this map type has no atomic extract
#include <bpfmap/maps/array.hpp>

#include <cstdint>

using counters = bpfmap::array<std::uint64_t>;

std::optional<std::uint64_t> use(counters& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.extract(1);
#else
  return map.find(1);
#endif
}
