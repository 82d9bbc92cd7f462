// SPDX-License-Identifier: MIT
// expect-error: values of this map type cannot hold a bpf_spin_lock
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct stats {
  bpf_spin_lock lock;
  std::uint32_t packets;
};
#ifdef BPFMAP_EXPECT_ERROR
using flows = bpfmap::lru_hash<std::uint32_t, stats>;
#else
using flows = bpfmap::hash<std::uint32_t, stats>;
#endif

bool use(flows& map) { return map.assign(1, {}, bpfmap::locked); }
