// SPDX-License-Identifier: MIT
// expect-error: user space cannot read elements of this map type
#include <bpfmap/maps/redirect.hpp>

bool use(bpfmap::xskmap& sockets, bpfmap::socket_fd socket) {
#ifdef BPFMAP_EXPECT_ERROR
  return sockets.contains(0);
#else
  return sockets.assign(0, socket);
#endif
}
