// SPDX-License-Identifier: MIT
// expect-error: this type keeps its bytes elsewhere: use a fixed-size type such as std::array
#include <bpfmap/maps/arena.hpp>

#include <array>
#include <string>

std::size_t use(bpfmap::arena& heap) {
#ifdef BPFMAP_EXPECT_ERROR
  return heap.span<std::string>(0, 1).size();
#else
  return heap.span<std::array<char, 16>>(0, 1).size();
#endif
}
