// SPDX-License-Identifier: MIT
// expect-error: this type keeps its bytes elsewhere: use a fixed-size type such as std::array
#include <bpfmap/maps/hash.hpp>

#include <array>
#include <cstdint>
#include <string>

#ifdef BPFMAP_EXPECT_ERROR
using key = std::string;
#else
using key = std::array<char, 16>;
#endif
bpfmap::hash<key, std::uint64_t> map;
