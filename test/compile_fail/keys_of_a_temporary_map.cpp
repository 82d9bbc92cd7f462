// SPDX-License-Identifier: MIT
// expect-error: keep the object in a variable
#include <bpfmap/bpfmap.hpp>

#include <cstdint>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;

void use(std::error_code& ec) {
#ifdef BPFMAP_EXPECT_ERROR
  for (auto const key : flows::create({.max_entries = 1}).keys(ec)) (void)key;
#else
  auto const map = flows::create({.max_entries = 1});
  for (auto const key : map.keys(ec)) (void)key;
#endif
}
