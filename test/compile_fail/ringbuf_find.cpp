// SPDX-License-Identifier: MIT
// expect-error: a ring buffer has no keys: its records come one after the other
#include <bpfmap/streams/user_ringbuf.hpp>

#include <cstdint>

using events = bpfmap::user_ringbuf<std::uint64_t>;

bool use(events& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map.find(1);
  return true;
#else
  return map.pending() == 0;
#endif
}
