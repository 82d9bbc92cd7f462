// SPDX-License-Identifier: MIT
// expect-error: a field is compared with an integer
#include <bpfmap/maps/hash.hpp>

#include <array>
#include <cstdint>

struct flow {
  std::uint32_t address;
  std::uint32_t port;
};
struct stats {
  std::uint64_t bytes;
  std::uint64_t packets;
  double rate;
  std::array<char, 16> name;
};
using flows = bpfmap::hash<flow, stats>;
using bpfmap::field;

std::uint64_t use(flows const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.count_if(field(&stats::bytes) > 1e6);
#else
  return map.count_if(field(&stats::bytes) > 1'000'000);
#endif
}
