// SPDX-License-Identifier: MIT
// expect-error: a reducer is a default-constructible type with
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct first {
  std::uint64_t operator()(bpfmap::per_cpu_view<std::uint64_t const> slots)
#ifndef BPFMAP_EXPECT_ERROR
      const
#endif
  {
    return slots[0];
  }
};
bpfmap::percpu_hash<std::uint32_t, std::uint64_t, first> map;
