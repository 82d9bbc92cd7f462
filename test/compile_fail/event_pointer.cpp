// SPDX-License-Identifier: MIT
// expect-error: a pointer or reference means nothing on the other side: store the bytes themselves
#include <bpfmap/streams/perf_event_array.hpp>

#include <cstdint>

struct event {
  std::uint32_t pid;
};

#ifdef BPFMAP_EXPECT_ERROR
using value = event*;
#else
using value = event;
#endif
bpfmap::perf_reader<value> reader;
