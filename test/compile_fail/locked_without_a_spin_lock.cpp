// SPDX-License-Identifier: MIT
// expect-error: locked needs a value with a bpf_spin_lock among its members
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct stats {
#ifndef BPFMAP_EXPECT_ERROR
  bpf_spin_lock lock;
#endif
  std::uint32_t packets;
  std::uint64_t bytes;
};

std::uint64_t use(bpfmap::hash<std::uint32_t, stats>& map) { return map.at(1, bpfmap::locked).bytes; }
