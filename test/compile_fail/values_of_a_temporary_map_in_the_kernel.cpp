// SPDX-License-Identifier: MIT
// expect-error: keep the object in a variable
#include <bpfmap/bpfmap.hpp>

#include <cstdint>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;

void use(flows const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  for (auto const value : map.clone().values(bpfmap::walk::in_kernel)) (void)value;
#else
  for (auto const value : map.values(bpfmap::walk::in_kernel)) (void)value;
#endif
}
