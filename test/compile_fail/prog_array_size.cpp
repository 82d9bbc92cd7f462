// SPDX-License-Identifier: MIT
// expect-error: the elements of this map type cannot be counted
#include <bpfmap/maps/fd_array.hpp>

#include <cstdint>

std::uint64_t use(bpfmap::prog_array& steps) {
#ifdef BPFMAP_EXPECT_ERROR
  return steps.size();
#else
  return steps.max_size();
#endif
}
