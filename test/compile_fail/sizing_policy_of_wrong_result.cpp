// SPDX-License-Identifier: MIT
// expect-error: a sizing policy is a default-constructible type with std::uint32_t operator
#include <bpfmap/streams/perf_event_array.hpp>

#include <cstdint>

struct all {
#ifdef BPFMAP_EXPECT_ERROR
  bpfmap::cpu_set operator()(bpfmap::cpu_topology const& cpus) const { return cpus.possible; }
#else
  std::uint32_t operator()(bpfmap::cpu_topology const& cpus) const { return cpus.possible.highest() + 1; }
#endif
};
bpfmap::perf_event_array<all> events;
