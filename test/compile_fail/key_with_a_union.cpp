// SPDX-License-Identifier: MIT
// expect-error: also for a union, zero all bytes of every key yourself and say template
// bpfmap::enable_bytewise_key<Key> = true
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct address {
  union {
    std::uint32_t v4;
    std::uint32_t v6[4];
  };
};
#ifndef BPFMAP_EXPECT_ERROR
template <>
inline constexpr bool bpfmap::enable_bytewise_key<address> = true;
#endif
bpfmap::hash<address, std::uint32_t> decapsulated;
