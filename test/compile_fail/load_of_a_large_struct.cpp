// SPDX-License-Identifier: MIT
// expect-error: only a type that the processor reads in one piece can be atomic
#include <bpfmap/maps/array.hpp>

#include <cstdint>

struct sums {
  std::uint64_t packets, bytes, drops;
};
using counters = bpfmap::array<sums, bpfmap::mmapable_read_only>;

std::uint64_t use(counters const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.load(1).packets;
#else
  return map[1].packets;
#endif
}
