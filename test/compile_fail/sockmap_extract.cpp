// SPDX-License-Identifier: MIT
// expect-error: this map type has no atomic extract
#include <bpfmap/maps/socket_map.hpp>

bool use(bpfmap::sockmap<>& peers) {
#ifdef BPFMAP_EXPECT_ERROR
  return peers.extract(0).has_value();
#else
  return peers.erase(0);
#endif
}
