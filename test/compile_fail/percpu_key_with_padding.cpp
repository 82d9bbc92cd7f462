// SPDX-License-Identifier: MIT
// expect-error: a hash key may not contain padding or floating point: the kernel hashes every byte
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct flow {
  std::uint64_t address;
  std::uint8_t protocol;
#ifndef BPFMAP_EXPECT_ERROR
  std::uint8_t zero[7];
#endif
};
bpfmap::percpu_hash<flow, std::uint64_t> hits;
bpfmap::lru_percpu_hash<flow, std::uint64_t> recent_hits;
