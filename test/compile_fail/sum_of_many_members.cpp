// SPDX-License-Identifier: MIT
// expect-error: a struct of more than 32 members cannot be taken apart
#include <bpfmap/maps/array.hpp>

#include <cstdint>

struct stats {
  std::uint64_t a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21, a22,
      a23, a24, a25, a26, a27, a28, a29, a30, a31;
#ifdef BPFMAP_EXPECT_ERROR
  std::uint64_t a32;
#endif
};
bpfmap::percpu_array<stats> map;
