// SPDX-License-Identifier: MIT
// expect-error: values of this map type cannot hold a bpf_spin_lock
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

using hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;

std::optional<std::uint64_t> use(hits& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.find(1, bpfmap::locked);
#else
  return map.find(1);
#endif
}
