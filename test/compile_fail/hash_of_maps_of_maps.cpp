// SPDX-License-Identifier: MIT
// expect-error: a map of maps cannot hold maps of maps
#include <bpfmap/maps/array.hpp>
#include <bpfmap/maps/hash.hpp>
#include <bpfmap/maps/of_maps.hpp>

#include <cstdint>

using cells = bpfmap::array<std::uint32_t>;
using pages = bpfmap::hash_of_maps<std::uint32_t, cells>;

#ifdef BPFMAP_EXPECT_ERROR
bpfmap::hash_of_maps<std::uint32_t, pages>* outer = nullptr;
#else
pages* outer = nullptr;
#endif
