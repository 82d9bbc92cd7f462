// SPDX-License-Identifier: MIT
// expect-error: user space cannot read elements of this map type
#include <bpfmap/streams/perf_event_array.hpp>

bool use(bpfmap::perf_event_array<>& events) {
#ifdef BPFMAP_EXPECT_ERROR
  return events.find(0).has_value();
#else
  return events.erase(0);
#endif
}
