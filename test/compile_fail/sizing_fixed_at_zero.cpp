// SPDX-License-Identifier: MIT
// expect-error: a perf event array has at least one entry
#include <bpfmap/streams/perf_event_array.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using value = bpfmap::sizing::fixed<0>;
#else
using value = bpfmap::sizing::fixed<1>;
#endif
bpfmap::perf_event_array<value> events;
