// SPDX-License-Identifier: MIT
// expect-error: the kernel takes no BPF_NOEXIST for this map type: use insert_or_assign
#include <bpfmap/maps/cgroup_storage.hpp>

#include <cstdint>

using quota = bpfmap::cgroup_storage<std::uint64_t>;

bool use(quota const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.insert({1, 2}, 3);
#else
  return map.assign({1, 2}, 3);
#endif
}
