// SPDX-License-Identifier: MIT
// expect-error: use std::array
#include <bpfmap/maps/array.hpp>

#include <array>
#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using value = std::uint32_t[8];
#else
using value = std::array<std::uint32_t, 8>;
#endif
bpfmap::array<value> map;
