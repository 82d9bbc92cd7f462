// SPDX-License-Identifier: MIT
// expect-error: elements of this map type cannot be erased
#include <bpfmap/maps/array.hpp>
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using table = bpfmap::percpu_array<std::uint64_t>;
#else
using table = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;
#endif

void use(table const& map) { map.clear(); }
