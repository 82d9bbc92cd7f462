// SPDX-License-Identifier: MIT
// expect-error: a hash key may not contain padding or floating point: the kernel hashes every byte
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct flow {
  std::uint32_t address;
  std::uint8_t protocol;
};
#ifndef BPFMAP_EXPECT_ERROR
template <>
inline constexpr bool bpfmap::enable_bytewise_key<flow> = true;
#endif
bpfmap::hash<flow, std::uint64_t> map;
