// SPDX-License-Identifier: MIT
// expect-error: slot of this map type: declare the map with reduce::slots
#include <bpfmap/bpfmap.hpp>

#include <cstdint>

using quota = bpfmap::percpu_cgroup_storage<std::uint64_t, bpfmap::reduce::slots>;
using hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;

void use(quota& map, hits& all, bpfmap::cgroup_storage_key const& key) {
#ifdef BPFMAP_EXPECT_ERROR
  (void)map.find(key, bpfmap::cpu{3});
  (void)all;
#else
  (void)all.find(1, bpfmap::cpu{3});
  (void)map.find(key);
#endif
}
