// SPDX-License-Identifier: MIT
// expect-error: the kernel does not tell which indices of this map hold something
#include <bpfmap/maps/fd_array.hpp>

auto use(bpfmap::cgroup_array& groups) {
#ifdef BPFMAP_EXPECT_ERROR
  return groups.keys();
#else
  return groups.max_size();
#endif
}
