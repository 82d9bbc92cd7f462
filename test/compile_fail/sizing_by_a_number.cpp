// SPDX-License-Identifier: MIT
// expect-error: type/value mismatch|must be a type
// (The compilers' own words: they ask no concept of bpfmap's here.)
#include <bpfmap/streams/perf_event_array.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
bpfmap::perf_event_array<32> events;
#else
bpfmap::perf_event_array<bpfmap::sizing::fixed<32>> events;
#endif
