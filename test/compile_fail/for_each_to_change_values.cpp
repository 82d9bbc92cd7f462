// SPDX-License-Identifier: MIT
// expect-error: f is called as f\(key, value\)
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;

void use(flows& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map.for_each([](std::uint32_t, std::uint64_t& value) { value = 0; });
#else
  map.for_each([&](std::uint32_t key, std::uint64_t) { map.assign(key, 0); });
#endif
}
