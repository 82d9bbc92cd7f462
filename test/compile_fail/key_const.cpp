// SPDX-License-Identifier: MIT
// expect-error: keys and values are plain object types, without const or volatile
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using key = std::uint32_t const;
#else
using key = std::uint32_t;
#endif
bpfmap::hash<key, std::uint64_t> map;
