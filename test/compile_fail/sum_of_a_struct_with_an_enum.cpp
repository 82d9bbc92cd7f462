// SPDX-License-Identifier: MIT
// expect-error: numbers, arrays of numbers and structs of numbers
#include <bpfmap/maps/array.hpp>

#include <cstdint>

enum class verdict : std::uint32_t { pass, drop };
struct stats {
#ifdef BPFMAP_EXPECT_ERROR
  verdict last;
#else
  std::uint32_t last;
#endif
  std::uint32_t packets;
};
bpfmap::percpu_array<stats> map;
