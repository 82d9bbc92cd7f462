// SPDX-License-Identifier: MIT
// expect-error: this map type has one value a key, not one a CPU
#include <bpfmap/maps/array.hpp>

#include <cstdint>
#include <vector>

using table = bpfmap::array<std::uint64_t>;

std::uint64_t use(table& map, std::vector<std::uint64_t>& out) {
#ifdef BPFMAP_EXPECT_ERROR
  map.totals(out);
#else
  for (std::uint64_t const count : map.values()) out.push_back(count);
#endif
  return out.size();
}
