// SPDX-License-Identifier: MIT
// expect-error: a map key must be default constructible: bpfmap reads into one
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

struct flow {
#ifdef BPFMAP_EXPECT_ERROR
  explicit flow(std::uint32_t from) : address(from) {}
#endif
  std::uint32_t address;
};
bpfmap::hash<flow, std::uint64_t> map;
