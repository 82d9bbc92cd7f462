// SPDX-License-Identifier: MIT
// expect-error: a reducer is a default-constructible type with
#include <bpfmap/maps/array.hpp>

#include <cstdint>

struct nth {
#ifdef BPFMAP_EXPECT_ERROR
  explicit nth(std::size_t chosen) : n(chosen) {}
#endif
  std::uint64_t operator()(bpfmap::per_cpu_view<std::uint64_t const> slots) const { return slots[n]; }
  std::size_t n = 0;
};
bpfmap::percpu_array<std::uint64_t, nth> map;
