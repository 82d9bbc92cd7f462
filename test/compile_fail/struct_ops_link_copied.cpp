// SPDX-License-Identifier: MIT
// expect-error: deleted
#include <bpfmap/maps/struct_ops.hpp>

#include <utility>

bpfmap::struct_ops_link use(bpfmap::struct_ops_link& link) {
#ifdef BPFMAP_EXPECT_ERROR
  bpfmap::struct_ops_link copy = link;
  return copy;
#else
  return std::move(link);
#endif
}
