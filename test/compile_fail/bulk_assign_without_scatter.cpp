// SPDX-License-Identifier: MIT
// expect-error: this map is read-only: its reducer has no scatter()
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <vector>

using counts = bpfmap::percpu_hash<std::uint32_t, std::uint64_t, bpfmap::reduce::mean>;

void use(counts const& map, std::vector<std::uint32_t> const& keys, std::vector<counts::mapped_type>& values) {
#ifdef BPFMAP_EXPECT_ERROR
  map.assign(keys, values);
#else
  map.find(keys, values);
#endif
}
