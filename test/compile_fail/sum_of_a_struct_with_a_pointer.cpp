// SPDX-License-Identifier: MIT
// expect-error: numbers, arrays of numbers and structs of numbers
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct stats {
  std::uint64_t packets;
  void* owner;
};
#ifdef BPFMAP_EXPECT_ERROR
bpfmap::percpu_hash<std::uint32_t, stats> map;
#else
bpfmap::percpu_hash<std::uint32_t, stats, bpfmap::reduce::slots> map;
#endif
