// SPDX-License-Identifier: MIT
// expect-error: the elements of this map type cannot be enumerated
#include <bpfmap/maps/queue.hpp>

#include <cstdint>

using jobs = bpfmap::stack<std::uint64_t>;

void use(jobs& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map.for_each([](std::uint64_t) {});
#else
  map.drain([](std::uint64_t) {});
#endif
}
