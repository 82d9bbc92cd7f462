// SPDX-License-Identifier: MIT
// expect-error: an empty type has no bytes to store
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct nothing {};
struct something {
  std::uint8_t byte;
};

#ifdef BPFMAP_EXPECT_ERROR
using key = nothing;
#else
using key = something;
#endif
bpfmap::hash<key, std::uint64_t> map;
