// SPDX-License-Identifier: MIT
// expect-error: Name the padding as members
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct cache_id {
  std::uint64_t cgroup;
  std::uint32_t cache;
#ifndef BPFMAP_EXPECT_ERROR
  std::uint32_t zero = 0;
#endif
};
bpfmap::hash<cache_id, std::uint32_t> map;
