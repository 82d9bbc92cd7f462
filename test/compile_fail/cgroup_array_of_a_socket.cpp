// SPDX-License-Identifier: MIT
// expect-error: no known conversion.*cgroup_fd
// (The compilers' own words: they ask no concept of bpfmap's here.)
#include <bpfmap/maps/fd_array.hpp>

void use(bpfmap::cgroup_array& groups, int fd) {
#ifdef BPFMAP_EXPECT_ERROR
  groups.insert_or_assign(0, bpfmap::socket_fd(fd));
#else
  groups.insert_or_assign(0, bpfmap::cgroup_fd(fd));
#endif
}
