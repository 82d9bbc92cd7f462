// SPDX-License-Identifier: MIT
// expect-error: reduce::members names a member twice
#include <bpfmap/maps/array.hpp>

#include <cstdint>

namespace reduce = bpfmap::reduce;

struct stats {
  std::uint64_t count;
  std::uint64_t peak;
};
#ifdef BPFMAP_EXPECT_ERROR
using of_stats = reduce::members<reduce::by<reduce::sum, &stats::count>, reduce::by<reduce::max, &stats::count>>;
#else
using of_stats = reduce::members<reduce::by<reduce::sum, &stats::count>, reduce::by<reduce::max, &stats::peak>>;
#endif
bpfmap::percpu_array<stats, of_stats> map;
