// SPDX-License-Identifier: MIT
// expect-error: the values of this map type have no keys
#include <bpfmap/maps/queue.hpp>

#include <cstdint>

using jobs = bpfmap::queue<std::uint64_t>;

void use(jobs& map) {
#ifdef BPFMAP_EXPECT_ERROR
  (void)map.extract(1);
#else
  (void)map.pop();
#endif
}
