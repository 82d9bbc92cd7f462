// SPDX-License-Identifier: MIT
// expect-error: values of 4 bytes give no cookie back: use a map of 8-byte values
#include <bpfmap/maps/socket_map.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using peers = bpfmap::sockhash<std::uint32_t, bpfmap::no_cookies>;
#else
using peers = bpfmap::sockhash<std::uint32_t>;
#endif

auto use(peers& map) { return map.entries(); }
