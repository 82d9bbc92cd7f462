// SPDX-License-Identifier: MIT
// expect-error: a struct with bit-fields cannot be taken apart
#include <bpfmap/maps/array.hpp>

#include <cstdint>

struct stats {
  std::uint32_t kind : 3;
  std::uint32_t size : 29;
};
#ifdef BPFMAP_EXPECT_ERROR
bpfmap::percpu_array<stats> map;
#else
bpfmap::percpu_array<stats, bpfmap::reduce::any> map;
#endif
