// SPDX-License-Identifier: MIT
// expect-error: user space cannot write elements of this map type
#include <bpfmap/maps/stack_trace.hpp>

using stacks = bpfmap::stack_trace<64>;

bool use(stacks const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.insert(1, {});
#else
  return map.erase(1);
#endif
}
