// SPDX-License-Identifier: MIT
// expect-error: a reducer is a default-constructible type with
#include <bpfmap/maps/array.hpp>

#include <cstdint>

struct join {
#ifdef BPFMAP_EXPECT_ERROR
  std::uint64_t operator()(std::uint64_t a) const { return a; }
#else
  std::uint64_t operator()(std::uint64_t a, std::uint64_t b) const { return a ^ b; }
#endif
};
bpfmap::percpu_array<std::uint64_t, bpfmap::reduce::merge<join>> map;
