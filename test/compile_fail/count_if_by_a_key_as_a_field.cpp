// SPDX-License-Identifier: MIT
// expect-error: field\(\) takes members of its value, key_field\(\) of its key
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
  return map.count_if(field(&flow::port) == 443);
#else
  return map.count_if(bpfmap::key_field(&flow::port) == 443);
#endif
}
