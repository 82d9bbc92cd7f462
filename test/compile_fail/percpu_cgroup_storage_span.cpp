// SPDX-License-Identifier: MIT
// expect-error: only arrays, ring buffers and arenas into memory: this map type has no span
#include <bpfmap/maps/cgroup_storage.hpp>

#include <cstdint>

using quota = bpfmap::percpu_cgroup_storage<std::uint64_t>;

void use(quota const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map.span();
#else
  static_cast<void>(map.size());
#endif
}
