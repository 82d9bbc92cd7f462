// SPDX-License-Identifier: MIT
// expect-error: only a per-CPU array has indices that are known before
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <vector>

using hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;

std::uint64_t use(hits& map, std::vector<std::uint64_t>& out) {
#ifdef BPFMAP_EXPECT_ERROR
  map.totals(out);
#else
  for (std::uint64_t const count : map.values()) out.push_back(count);
#endif
  return out.size();
}
