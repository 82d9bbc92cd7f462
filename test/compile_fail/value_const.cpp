// SPDX-License-Identifier: MIT
// expect-error: keys and values are plain object types, without const or volatile
#include <bpfmap/maps/array.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using value = std::uint64_t const;
#else
using value = std::uint64_t;
#endif
bpfmap::array<value> map;
