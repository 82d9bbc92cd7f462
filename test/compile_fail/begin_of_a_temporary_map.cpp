// SPDX-License-Identifier: MIT
// expect-error: keep the object in a variable
#include <bpfmap/bpfmap.hpp>

#include <cstdint>

using hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;

void use(hits const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  auto const first = map.clone().begin();
#else
  auto const first = map.begin();
#endif
}
