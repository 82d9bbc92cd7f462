// SPDX-License-Identifier: MIT
// expect-error: an empty type has no bytes to store
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct nothing {};

#ifdef BPFMAP_EXPECT_ERROR
using value = nothing;
#else
using value = std::uint8_t;
#endif
bpfmap::hash<std::uint32_t, value> map;
