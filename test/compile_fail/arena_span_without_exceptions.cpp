// SPDX-License-Identifier: MIT
// flags: -fno-exceptions
// expect-error: exceptions are disabled: call the overload whose last parameter is
#include <bpfmap/maps/arena.hpp>

#include <system_error>

std::size_t use(bpfmap::arena& heap, std::error_code& ec) {
#ifdef BPFMAP_EXPECT_ERROR
  return ec ? 0 : heap.span<int>(0, 1).size();
#else
  return heap.span<int>(0, 1, ec).size();
#endif
}
