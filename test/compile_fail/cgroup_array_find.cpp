// SPDX-License-Identifier: MIT
// expect-error: user space cannot read elements of this map type
#include <bpfmap/maps/fd_array.hpp>

bool use(bpfmap::cgroup_array& groups) {
#ifdef BPFMAP_EXPECT_ERROR
  return groups.find(0).has_value();
#else
  return groups.erase(0);
#endif
}
