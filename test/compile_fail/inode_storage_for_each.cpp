// SPDX-License-Identifier: MIT
// expect-error: cannot be enumerated: each lies with its socket, inode, task or cgroup
#include <bpfmap/maps/local_storage.hpp>

#include <cstdint>

using marks = bpfmap::inode_storage<std::uint64_t>;

void use(marks const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map.for_each([](bpfmap::file_fd, std::uint64_t) {});
#else
  map.insert_or_assign(bpfmap::file_fd(3), 1);
#endif
}
