// SPDX-License-Identifier: MIT
// expect-error: locked needs a value with a bpf_spin_lock among its members
#include <bpfmap/maps/array.hpp>

#include <cstdint>

struct stats {
#ifndef BPFMAP_EXPECT_ERROR
  bpf_spin_lock lock;
#endif
  std::uint32_t packets;
  std::uint64_t bytes;
};

void use(bpfmap::array<stats>& map) { map.insert_or_assign(1, {}, bpfmap::locked); }
