// SPDX-License-Identifier: MIT
// expect-error: a key of a sockhash may have 512 bytes at the most
#include <bpfmap/maps/socket_map.hpp>

#include <array>
#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using peers = bpfmap::sockhash<std::array<char, 513>>;
#else
using peers = bpfmap::sockhash<std::array<char, 512>>;
#endif

std::uint64_t use(peers& map) { return map.size(); }
