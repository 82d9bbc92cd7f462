// SPDX-License-Identifier: MIT
// expect-error: f is called as f\(event\) or f\(event, cpu\)
#include <bpfmap/streams/perf_event_array.hpp>

#include <cstdint>

struct event {
  std::uint32_t pid;
};

std::size_t use(bpfmap::perf_reader<event>& reader) {
#ifdef BPFMAP_EXPECT_ERROR
  return reader.consume([](event const&, event const&) {});
#else
  return reader.consume([](event const&, bpfmap::cpu) {});
#endif
}
