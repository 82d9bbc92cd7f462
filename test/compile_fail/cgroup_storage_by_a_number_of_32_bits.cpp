// SPDX-License-Identifier: MIT
// expect-error: the key of a cgroup storage is a cgroup_storage_key
#include <bpfmap/maps/cgroup_storage.hpp>

#include <cstdint>

bool use(int fd) {
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap::cgroup_storage<int, std::uint32_t>::from_fd(fd).contains(1);
#else
  return bpfmap::cgroup_storage<int, std::uint64_t>::from_fd(fd).contains(1);
#endif
}
