// SPDX-License-Identifier: MIT
// expect-error: the kernel does not tell which indices of this map hold something
#include <bpfmap/maps/socket_map.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using peers = bpfmap::sockmap<bpfmap::no_cookies>;
#else
using peers = bpfmap::sockhash<std::uint32_t, bpfmap::no_cookies>;
#endif

auto use(peers& map) { return map.keys(); }
