// SPDX-License-Identifier: MIT
// expect-error: f is called as f\(value\)
#include <bpfmap/maps/queue.hpp>

#include <cstdint>

using jobs = bpfmap::queue<std::uint64_t>;

void use(jobs& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map.drain([](std::uint64_t&) {});
#else
  map.drain([](std::uint64_t const&) {});
#endif
}
