// SPDX-License-Identifier: MIT
// expect-error: a reducer is a default-constructible type with
#include <bpfmap/maps/array.hpp>

#include <cstdint>

struct first {
#ifdef BPFMAP_EXPECT_ERROR
  std::uint64_t operator()(std::uint64_t a, std::uint64_t) const { return a; }
#else
  std::uint64_t operator()(bpfmap::per_cpu_view<std::uint64_t const> slots) const { return slots[0]; }
#endif
};
bpfmap::percpu_array<std::uint64_t, first> map;
