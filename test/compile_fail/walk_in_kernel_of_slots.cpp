// SPDX-License-Identifier: MIT
// expect-error: a program that walks a per-CPU map sees only the slots of the CPU
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

void use(bpfmap::percpu_hash<std::uint32_t, std::uint64_t> const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  for ([[maybe_unused]] auto const& each : map.entries(bpfmap::walk::in_kernel)) {
  }
#else
  for ([[maybe_unused]] auto const& each : map.entries()) {
  }
#endif
}
