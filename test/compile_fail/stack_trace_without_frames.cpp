// SPDX-License-Identifier: MIT
// expect-error: a stack has at least one frame
#include <bpfmap/maps/stack_trace.hpp>

bool use(int fd) {
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap::stack_trace<0>::from_fd(fd).empty();
#else
  return bpfmap::stack_trace<1>::from_fd(fd).empty();
#endif
}
