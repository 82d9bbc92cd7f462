// SPDX-License-Identifier: MIT
// expect-error: a map of maps is created for inner maps of one shape
#include <bpfmap/maps/array.hpp>
#include <bpfmap/maps/hash.hpp>
#include <bpfmap/maps/of_maps.hpp>

#include <cstdint>

using cells = bpfmap::array<std::uint32_t>;
using pages = bpfmap::array_of_maps<cells>;

#ifdef BPFMAP_EXPECT_ERROR
auto const outer = pages::create({.max_entries = 4});
#else
auto const outer = pages::create({.max_entries = 4}, {.max_entries = 2});
#endif
