// SPDX-License-Identifier: MIT
// expect-error: a pointer or reference means nothing on the other side: store the bytes themselves
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using key = std::uint32_t&;
#else
using key = std::uint32_t;
#endif
bpfmap::hash<key, std::uint64_t> map;
