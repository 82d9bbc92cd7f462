// SPDX-License-Identifier: MIT
// expect-error: f is called as f\(key, value\)
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;

std::uint64_t use(flows& map) {
  std::uint64_t sum = 0;
#ifdef BPFMAP_EXPECT_ERROR
  map.for_each([&](std::uint64_t value) { sum += value; });
#else
  map.for_each([&](std::uint32_t, std::uint64_t value) { sum += value; });
#endif
  return sum;
}
