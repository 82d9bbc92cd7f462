// SPDX-License-Identifier: MIT
// expect-error: the values of this map type have no keys
#include <bpfmap/maps/queue.hpp>

#include <cstdint>

using jobs = bpfmap::queue<std::uint64_t>;

void use(jobs& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map.insert_or_assign(1, 2);
#else
  map.push(2, bpfmap::displacing);
#endif
}
