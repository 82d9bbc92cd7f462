// SPDX-License-Identifier: MIT
// expect-error: reduce::members does not name every member once
#include <bpfmap/maps/array.hpp>

#include <cstdint>

namespace reduce = bpfmap::reduce;

struct stats {
  std::uint64_t count;
  std::uint32_t last_pid;
};
#ifdef BPFMAP_EXPECT_ERROR
bpfmap::percpu_array<stats, reduce::members<reduce::by<reduce::sum, &stats::count>>> map;
#else
bpfmap::percpu_array<stats, reduce::members<reduce::by<reduce::sum, &stats::count>, reduce::rest<reduce::any>>> map;
#endif
