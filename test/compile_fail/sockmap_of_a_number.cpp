// SPDX-License-Identifier: MIT
// expect-error: a socket map has cookies \(8-byte values\) or no_cookies \(4-byte values\)
#include <bpfmap/maps/socket_map.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using peers = bpfmap::sockmap<std::uint64_t>;
#else
using peers = bpfmap::sockmap<bpfmap::cookies>;
#endif

std::uint64_t use(peers& map) { return map.max_size(); }
