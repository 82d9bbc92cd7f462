// SPDX-License-Identifier: MIT
// expect-error: the elements of this map type cannot be enumerated
#include <bpfmap/maps/queue.hpp>

#include <cstdint>

using jobs = bpfmap::queue<std::uint64_t>;

void use(jobs& map) {
#ifdef BPFMAP_EXPECT_ERROR
  for (std::uint64_t each : map) static_cast<void>(each);
#else
  map.drain([](std::uint64_t) {});
#endif
}
