// SPDX-License-Identifier: MIT
// expect-error: class is one of bpfmap.*such as bpfmap::hash
#include <bpfmap/maps/array.hpp>
#include <bpfmap/maps/hash.hpp>
#include <bpfmap/maps/of_maps.hpp>

#include <cstdint>

using cells = bpfmap::array<std::uint32_t>;

#ifdef BPFMAP_EXPECT_ERROR
bpfmap::array_of_maps<std::uint32_t>* outer = nullptr;
#else
bpfmap::array_of_maps<cells>* outer = nullptr;
#endif
