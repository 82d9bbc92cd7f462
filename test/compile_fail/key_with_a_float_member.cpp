// SPDX-License-Identifier: MIT
// expect-error: a hash key may not contain padding or floating point: the kernel hashes every byte
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct place {
#ifdef BPFMAP_EXPECT_ERROR
  float latitude, longitude;
#else
  std::int32_t latitude, longitude;
#endif
};
bpfmap::lru_hash<place, std::uint64_t> map;
