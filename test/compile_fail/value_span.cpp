// SPDX-License-Identifier: MIT
// expect-error: this type keeps its bytes elsewhere: use a fixed-size type such as std::array
#include <bpfmap/maps/array.hpp>

#include <array>
#include <cstdint>
#include <span>

#ifdef BPFMAP_EXPECT_ERROR
using value = std::span<std::uint32_t>;
#else
using value = std::array<std::uint32_t, 8>;
#endif
bpfmap::array<value> map;
