// SPDX-License-Identifier: MIT
// expect-error: the elements of this map type cannot be enumerated
#include <bpfmap/maps/queue.hpp>

#include <cstdint>

using jobs = bpfmap::stack<std::uint64_t>;

void use(jobs& map) {
#ifdef BPFMAP_EXPECT_ERROR
  (void)map.keys();
#else
  (void)map.size();
#endif
}
