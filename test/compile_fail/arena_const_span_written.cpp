// SPDX-License-Identifier: MIT
// expect-error: read-only|is not assignable|cannot assign
#include <bpfmap/maps/arena.hpp>

void use(bpfmap::arena const& constant, bpfmap::arena& heap) {
#ifdef BPFMAP_EXPECT_ERROR
  constant.span<int>(0, 1)[0] = 1;
#else
  heap.span<int>(0, 1)[0] = constant.span<int>(0, 1)[0];
#endif
}
