// SPDX-License-Identifier: MIT
// expect-error: numbers, arrays of numbers and structs of numbers
#include <bpfmap/maps/array.hpp>

#include <cstdint>

enum class verdict : std::uint32_t { pass, drop };
#ifdef BPFMAP_EXPECT_ERROR
bpfmap::percpu_array<verdict> map;
#else
bpfmap::percpu_array<verdict, bpfmap::reduce::slots> map;
#endif
