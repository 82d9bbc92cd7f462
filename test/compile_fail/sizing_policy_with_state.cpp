// SPDX-License-Identifier: MIT
// expect-error: a sizing policy is a default-constructible type with std::uint32_t operator
#include <bpfmap/streams/perf_event_array.hpp>

#include <cstdint>

struct chosen {
#ifdef BPFMAP_EXPECT_ERROR
  explicit chosen(std::uint32_t number) : entries(number) {}
#endif
  std::uint32_t operator()(bpfmap::cpu_topology const&) const { return entries; }
  std::uint32_t entries = 32;
};
bpfmap::perf_event_array<chosen> events;
