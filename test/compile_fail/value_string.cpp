// SPDX-License-Identifier: MIT
// expect-error: this type keeps its bytes elsewhere: use a fixed-size type such as std::array
#include <bpfmap/maps/array.hpp>

#include <array>
#include <cstdint>
#include <string>

#ifdef BPFMAP_EXPECT_ERROR
using value = std::string;
#else
using value = std::array<char, 16>;
#endif
bpfmap::array<value> map;
