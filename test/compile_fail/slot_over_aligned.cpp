// SPDX-License-Identifier: MIT
// expect-error: a slot may be aligned to 64 bytes at the most
#include <bpfmap/maps/array.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
struct alignas(128) slot {
#else
struct alignas(64) slot {
#endif
  std::uint64_t packets;
};
bpfmap::percpu_array<slot> map;
