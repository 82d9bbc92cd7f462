// SPDX-License-Identifier: MIT
// expect-error: this type keeps its bytes elsewhere: use a fixed-size type such as std::array
#include <bpfmap/streams/ringbuf.hpp>

#include <array>
#include <string>

bool use(int fd) {
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap::ringbuf<std::string>::from_fd(fd).pending() == 0;
#else
  return bpfmap::ringbuf<std::array<char, 16>>::from_fd(fd).pending() == 0;
#endif
}
