// SPDX-License-Identifier: MIT
// expect-error: elements of this map type cannot be erased
#include <bpfmap/maps/queue.hpp>

#include <cstdint>

using jobs = bpfmap::queue<std::uint64_t>;

void use(jobs& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map.erase(1);
#else
  (void)map.pop();
#endif
}
