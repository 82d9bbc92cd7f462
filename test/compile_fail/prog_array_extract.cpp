// SPDX-License-Identifier: MIT
// expect-error: this map type has no atomic extract
#include <bpfmap/maps/fd_array.hpp>

auto use(bpfmap::prog_array& steps) {
#ifdef BPFMAP_EXPECT_ERROR
  return steps.extract(0);
#else
  return steps.find(0);
#endif
}
