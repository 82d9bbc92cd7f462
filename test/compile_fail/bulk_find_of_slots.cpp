// SPDX-License-Identifier: MIT
// expect-error: there is no neutral value to give for keys that are absent
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <span>
#include <vector>

#ifdef BPFMAP_EXPECT_ERROR
using counts = bpfmap::percpu_hash<std::uint32_t, std::uint64_t, bpfmap::reduce::slots>;
#else
using counts = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;
#endif

void use(counts const& map, std::vector<std::uint32_t> const& keys, std::span<counts::mapped_type> out) {
  map.find(keys, out);
}
