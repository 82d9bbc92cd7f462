// SPDX-License-Identifier: MIT
// expect-error: this type keeps its bytes elsewhere: use a fixed-size type such as std::array
#include <bpfmap/maps/local_storage.hpp>

#include <array>
#include <string>

bool use(int fd) {
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap::cgrp_storage<std::string>::from_fd(fd).contains(bpfmap::cgroup_fd(3));
#else
  return bpfmap::cgrp_storage<std::array<char, 16>>::from_fd(fd).contains(bpfmap::cgroup_fd(3));
#endif
}
