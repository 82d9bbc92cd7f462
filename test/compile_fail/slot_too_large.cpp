// SPDX-License-Identifier: MIT
// expect-error: a per-CPU slot may have 32768 bytes at the most
#include <bpfmap/maps/array.hpp>

#include <array>
#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using value = std::array<std::uint64_t, 4097>;
#else
using value = std::array<std::uint64_t, 4096>;
#endif
bpfmap::percpu_array<value> map;
