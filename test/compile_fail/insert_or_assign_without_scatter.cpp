// SPDX-License-Identifier: MIT
// expect-error: this map is read-only: its reducer has no scatter
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct count {
  std::size_t operator()(bpfmap::per_cpu_view<std::uint64_t const> slots) const { return slots.size(); }
};
#ifdef BPFMAP_EXPECT_ERROR
using hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t, count>;
#else
using hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;
#endif

void use(hits& map) { map.insert_or_assign(1, 2); }
