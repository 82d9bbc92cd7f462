// SPDX-License-Identifier: MIT
// expect-error: integers
#include <bpfmap/maps/array.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using value = double;
#else
using value = std::uint64_t;
#endif
bpfmap::percpu_array<value, bpfmap::reduce::bit_or> map;

value use() { return map.at(0); }
