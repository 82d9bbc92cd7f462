// SPDX-License-Identifier: MIT
// expect-error: a ring buffer holds records of any length, not elements: data\(\) shows their
#include <bpfmap/streams/ringbuf.hpp>

#include <cstddef>
#include <cstdint>

using events = bpfmap::ringbuf<std::uint64_t>;

std::size_t use(events& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map.span();
  return 0;
#else
  return map.data().size();
#endif
}
