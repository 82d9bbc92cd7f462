// SPDX-License-Identifier: MIT
// expect-error: a hash key may not contain padding or floating point: the kernel hashes every byte
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using key = long double;
#else
using key = std::uint64_t;
#endif
bpfmap::hash<key, std::uint64_t> map;
