// SPDX-License-Identifier: MIT
// expect-error: a pointer or reference means nothing on the other side
#include <bpfmap/maps/socket_map.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using peers = bpfmap::sockhash<char const*>;
#else
using peers = bpfmap::sockhash<std::uint32_t>;
#endif

std::uint64_t use(peers& map) { return map.size(); }
