// SPDX-License-Identifier: MIT
// expect-error: use std::array
#include <bpfmap/maps/hash.hpp>

#include <array>
#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using key = char[16];
#else
using key = std::array<char, 16>;
#endif
bpfmap::hash<key, std::uint64_t> map;
