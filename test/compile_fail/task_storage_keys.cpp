// SPDX-License-Identifier: MIT
// expect-error: cannot be enumerated: each lies with its socket, inode, task or cgroup
#include <bpfmap/maps/local_storage.hpp>

#include <cstdint>

using marks = bpfmap::task_storage<std::uint64_t>;

void use(marks const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  for (bpfmap::pid_fd const task : map.keys()) map.erase(task);
#else
  map.erase(bpfmap::pid_fd(3));
#endif
}
