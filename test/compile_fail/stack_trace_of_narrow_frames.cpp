// SPDX-License-Identifier: MIT
// expect-error: the kernel keeps stacks as std::uint64_t addresses or as build_id_frame
#include <bpfmap/maps/stack_trace.hpp>

#include <cstdint>

bool use(int fd) {
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap::stack_trace<64, std::uint32_t>::from_fd(fd).empty();
#else
  return bpfmap::stack_trace<64, bpfmap::build_id_frame>::from_fd(fd).empty();
#endif
}
