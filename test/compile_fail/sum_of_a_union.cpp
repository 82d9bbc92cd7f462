// SPDX-License-Identifier: MIT
// expect-error: which member of a union counts is not known
#include <bpfmap/maps/array.hpp>

#include <cstdint>

struct stats {
  union {
    std::uint64_t bytes;
    std::uint32_t words[2];
  };
  std::uint64_t count;
};
#ifdef BPFMAP_EXPECT_ERROR
bpfmap::percpu_array<stats> map;
#else
namespace reduce = bpfmap::reduce;
bpfmap::percpu_array<stats, reduce::members<reduce::by<reduce::sum, &stats::bytes, &stats::count>>> map;
#endif
