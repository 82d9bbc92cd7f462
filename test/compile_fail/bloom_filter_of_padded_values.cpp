// SPDX-License-Identifier: MIT
// expect-error: may not contain padding or floating point
#include <bpfmap/maps/bloom_filter.hpp>

#include <cstdint>

struct padded {
  std::uint32_t address;
  std::uint8_t protocol;
};
struct filled {
  std::uint32_t address;
  std::uint32_t protocol;
};

#ifdef BPFMAP_EXPECT_ERROR
bpfmap::bloom_filter<padded> seen;
#else
bpfmap::bloom_filter<filled> seen;
#endif
