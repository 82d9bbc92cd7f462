// SPDX-License-Identifier: MIT
// expect-error: values of 4 bytes give no cookie back: use a map of 8-byte values
#include <bpfmap/maps/socket_map.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using peers = bpfmap::sockmap<bpfmap::no_cookies>;
#else
using peers = bpfmap::sockmap<bpfmap::cookies>;
#endif

bool use(peers& map) { return map.find(0).has_value(); }
