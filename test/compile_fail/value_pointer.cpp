// SPDX-License-Identifier: MIT
// expect-error: a pointer or reference means nothing on the other side: store the bytes themselves
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using value = char const*;
#else
using value = std::uintptr_t;
#endif
bpfmap::hash<std::uint32_t, value> map;
