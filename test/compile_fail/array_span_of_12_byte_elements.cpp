// SPDX-License-Identifier: MIT
// expect-error: the size of T must be a multiple of 8
#include <bpfmap/maps/array.hpp>

#include <cstdint>

struct sample {
  std::uint32_t first, second, third;
};
using samples = bpfmap::array<sample, bpfmap::mmapable_read_only>;

std::size_t use(samples const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.span().size();
#else
  return map.cells().size();
#endif
}
