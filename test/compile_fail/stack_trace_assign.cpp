// SPDX-License-Identifier: MIT
// expect-error: user space cannot write elements of this map type
#include <bpfmap/maps/stack_trace.hpp>

using stacks = bpfmap::stack_trace<64>;

void use(stacks const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map.insert_or_assign(1, {});
#else
  static_cast<void>(map.extract(1));
#endif
}
