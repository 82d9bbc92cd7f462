// SPDX-License-Identifier: MIT
// expect-error: a map value must be default constructible: bpfmap reads into one
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct stats {
#ifdef BPFMAP_EXPECT_ERROR
  explicit stats(std::uint64_t from) : packets(from) {}
#endif
  std::uint64_t packets;
};
bpfmap::lru_hash<std::uint32_t, stats> map;
