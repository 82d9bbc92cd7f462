// SPDX-License-Identifier: MIT
// expect-error: a hash key may not contain padding or floating point
#include <bpfmap/maps/socket_map.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
struct peer {
  std::uint32_t address;
  std::uint16_t port;
};
using peers = bpfmap::sockhash<peer>;
#else
struct peer {
  std::uint16_t address[2];
  std::uint16_t port;
};
using peers = bpfmap::sockhash<peer>;
#endif

std::uint64_t use(peers& map) { return map.size(); }
