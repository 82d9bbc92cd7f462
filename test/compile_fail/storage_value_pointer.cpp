// SPDX-License-Identifier: MIT
// expect-error: a pointer or reference means nothing on the other side
#include <bpfmap/maps/local_storage.hpp>

#include <cstdint>

bool use(int fd) {
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap::sk_storage<char const*>::from_fd(fd).contains(bpfmap::socket_fd(3));
#else
  return bpfmap::sk_storage<std::uint64_t>::from_fd(fd).contains(bpfmap::socket_fd(3));
#endif
}
