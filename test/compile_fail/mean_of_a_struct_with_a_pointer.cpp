// SPDX-License-Identifier: MIT
// expect-error: numbers, arrays of numbers and structs of numbers
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct stats {
  std::uint64_t packets;
#ifdef BPFMAP_EXPECT_ERROR
  char const* name;
#else
  std::uint64_t name;
#endif
};
bpfmap::lru_percpu_hash<std::uint32_t, stats, bpfmap::reduce::mean> map;
