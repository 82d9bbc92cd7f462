// SPDX-License-Identifier: MIT
// expect-error: elements of this map type cannot be erased
#include <bpfmap/maps/cgroup_storage.hpp>

#include <cstdint>

using quota = bpfmap::cgroup_storage<std::uint64_t>;

bool use(quota const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.erase({1, 2});
#else
  return map.assign({1, 2}, 0);
#endif
}
