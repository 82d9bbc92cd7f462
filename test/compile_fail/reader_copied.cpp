// SPDX-License-Identifier: MIT
// expect-error: deleted
// (The compilers' own words: they ask no concept of bpfmap's here.)
#include <bpfmap/streams/perf_event_array.hpp>

#include <cstdint>
#include <utility>

using reader = bpfmap::perf_reader<std::uint64_t>;

#ifdef BPFMAP_EXPECT_ERROR
reader use(reader& from) { return from; }
#else
reader use(reader& from) { return std::move(from); }
#endif
