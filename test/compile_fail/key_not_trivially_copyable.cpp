// SPDX-License-Identifier: MIT
// expect-error: the kernel copies keys and values byte by byte: the type must be trivially copyable
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct flow {
#ifdef BPFMAP_EXPECT_ERROR
  flow() = default;
  flow(flow const& other) : address(other.address) {}
#endif
  std::uint32_t address = 0;
};
bpfmap::hash<flow, std::uint64_t> map;
