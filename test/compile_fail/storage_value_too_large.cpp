// SPDX-License-Identifier: MIT
// expect-error: the value of a local storage may have 65407 bytes at the most
#include <bpfmap/maps/local_storage.hpp>

#include <array>
#include <cstddef>

template <std::size_t N>
using marks = bpfmap::task_storage<std::array<char, N>>;

bool use(int fd) {
#ifdef BPFMAP_EXPECT_ERROR
  return marks<65408>::from_fd(fd).contains(bpfmap::pid{1});
#else
  return marks<65407>::from_fd(fd).contains(bpfmap::pid{1});
#endif
}
