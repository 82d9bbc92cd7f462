// SPDX-License-Identifier: MIT
// expect-error: the key of a local storage says what it is: a socket_fd
#include <bpfmap/maps/local_storage.hpp>

#include <cstdint>

using marks = bpfmap::sk_storage<std::uint64_t>;

bool use(marks const& map, int fd) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.insert(bpfmap::cgroup_fd(fd), 1);
#else
  return map.insert(bpfmap::socket_fd(fd), 1);
#endif
}
