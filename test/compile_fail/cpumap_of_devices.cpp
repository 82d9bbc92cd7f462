// SPDX-License-Identifier: MIT
// expect-error: the values of a cpumap are cpumap_value \(8 bytes\) or cpumap_queue \(4 bytes\)
#include <bpfmap/maps/redirect.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using queues = bpfmap::cpumap<bpfmap::devmap_value>;
#else
using queues = bpfmap::cpumap<bpfmap::cpumap_value>;
#endif

std::uint64_t use(queues& map) { return map.max_size(); }
