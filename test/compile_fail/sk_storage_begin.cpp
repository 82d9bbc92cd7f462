// SPDX-License-Identifier: MIT
// expect-error: cannot be enumerated: each lies with its socket, inode, task or cgroup
#include <bpfmap/maps/local_storage.hpp>

#include <cstdint>

using marks = bpfmap::sk_storage<std::uint64_t>;

bool use(marks const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.begin() != map.end();
#else
  return map.contains(bpfmap::socket_fd(3));
#endif
}
