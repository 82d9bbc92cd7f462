// SPDX-License-Identifier: MIT
// expect-error: the kernel does not tell which indices of this map hold something
#include <bpfmap/maps/redirect.hpp>

auto use(bpfmap::xskmap& sockets) {
#ifdef BPFMAP_EXPECT_ERROR
  return sockets.keys();
#else
  return sockets.size();
#endif
}
