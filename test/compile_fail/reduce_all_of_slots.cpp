// SPDX-License-Identifier: MIT
// expect-error: no std::vector of such values can be filled
#include <bpfmap/maps/array.hpp>

#include <cstdint>

using drops = bpfmap::percpu_array<std::uint64_t, bpfmap::reduce::slots>;

std::size_t use(drops& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.reduce_all().size();
#else
  bpfmap::per_cpu_values<std::uint64_t> first = map.at(0);
  return map.totals({&first, 1});
#endif
}
