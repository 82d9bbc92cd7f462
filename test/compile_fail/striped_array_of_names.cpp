// SPDX-License-Identifier: MIT
// expect-error: an array of characters is a name, no numbers
#include <bpfmap/maps/striped_array.hpp>

#include <array>

#ifdef BPFMAP_EXPECT_ERROR
bpfmap::striped_array<std::array<char, 16>> names;
#else
bpfmap::striped_array<std::array<char, 16>, bpfmap::reduce::any> names;
#endif
