// SPDX-License-Identifier: MIT
// expect-error: the kernel takes no BPF_NOEXIST for this map type: use insert_or_assign
#include <bpfmap/streams/perf_event_array.hpp>

void use(bpfmap::perf_event_array<>& events, bpfmap::perf_event_fd cycles) {
#ifdef BPFMAP_EXPECT_ERROR
  events.insert(0, cycles);
#else
  events.insert_or_assign(0, cycles);
#endif
}
