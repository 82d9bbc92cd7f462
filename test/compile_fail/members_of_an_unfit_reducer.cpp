// SPDX-License-Identifier: MIT
// expect-error: a reducer in reduce::members does not take what it is given
#include <bpfmap/maps/array.hpp>

#include <cstdint>

namespace reduce = bpfmap::reduce;

enum class verdict : std::uint32_t { pass, drop };
struct stats {
  verdict last;
  std::uint32_t count;
};
#ifdef BPFMAP_EXPECT_ERROR
using of_stats = reduce::members<reduce::by<reduce::sum, &stats::count, &stats::last>>;
#else
using of_stats = reduce::members<reduce::by<reduce::sum, &stats::count>, reduce::by<reduce::any, &stats::last>>;
#endif
bpfmap::percpu_array<stats, of_stats> map;
