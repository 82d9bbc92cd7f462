// SPDX-License-Identifier: MIT
// expect-error: this map type has one value a key, not one a CPU
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;
using hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;

void use(flows& map, hits& all) {
#ifdef BPFMAP_EXPECT_ERROR
  (void)map.find(1, bpfmap::cpu{3});
  (void)all;
#else
  (void)all.find(1, bpfmap::cpu{3});
  (void)map;
#endif
}
