// SPDX-License-Identifier: MIT
// expect-error: this type keeps its bytes elsewhere
#include <bpfmap/maps/striped_array.hpp>

#include <array>
#include <string>

#ifdef BPFMAP_EXPECT_ERROR
using slot = std::string;
#else
using slot = std::array<char, 16>;
#endif

bool use(bpfmap::striped_array<slot, bpfmap::reduce::slots> const& map) { return map.contains(1); }
