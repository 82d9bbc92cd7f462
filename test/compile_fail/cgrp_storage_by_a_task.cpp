// SPDX-License-Identifier: MIT
// expect-error: the key of a local storage says what it is: a socket_fd
#include <bpfmap/maps/local_storage.hpp>

#include <cstdint>
#include <system_error>

using marks = bpfmap::cgrp_storage<std::uint64_t>;

bool use(marks const& map, int fd, std::error_code& ec) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.erase(bpfmap::pid_fd(fd), ec);
#else
  return map.erase(bpfmap::cgroup_fd(fd), ec);
#endif
}
