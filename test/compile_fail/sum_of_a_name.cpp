// SPDX-License-Identifier: MIT
// expect-error: an array of characters is a name, no numbers: say for each member how it reduces
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct stats {
  std::uint64_t count;
  char comm[16];
};
#ifdef BPFMAP_EXPECT_ERROR
bpfmap::percpu_hash<std::uint32_t, stats> calls;
#else
namespace reduce = bpfmap::reduce;
using of_stats = reduce::members<reduce::by<reduce::sum, &stats::count>, reduce::by<reduce::any, &stats::comm>>;
bpfmap::percpu_hash<std::uint32_t, stats, of_stats> calls;
#endif
