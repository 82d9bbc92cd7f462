// SPDX-License-Identifier: MIT
// expect-error: this type keeps its bytes elsewhere: use a fixed-size type such as std::array
#include <bpfmap/streams/perf_event_array.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

#ifdef BPFMAP_EXPECT_ERROR
using value = std::span<std::byte>;
#else
using value = std::span<std::byte const>;
#endif
bpfmap::perf_reader<value> reader;
