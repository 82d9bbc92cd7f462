// SPDX-License-Identifier: MIT
// expect-error: no known conversion.*socket_fd
// (The compilers' own words: they ask no concept of bpfmap's here.)
#include <bpfmap/maps/socket_map.hpp>

void use(bpfmap::sockmap<>& peers, int fd) {
#ifdef BPFMAP_EXPECT_ERROR
  peers.insert_or_assign(0, fd);
#else
  peers.insert_or_assign(0, bpfmap::socket_fd(fd));
#endif
}
