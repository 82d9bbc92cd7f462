// SPDX-License-Identifier: MIT
// expect-error: elements of this map type cannot be erased
#include <bpfmap/maps/array.hpp>
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <vector>

#ifdef BPFMAP_EXPECT_ERROR
using table = bpfmap::array<std::uint64_t>;
#else
using table = bpfmap::hash<std::uint32_t, std::uint64_t>;
#endif

void use(table const& map, std::vector<std::uint32_t> const& keys) { map.erase(keys); }
