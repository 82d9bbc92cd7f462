// SPDX-License-Identifier: MIT
// expect-error: this map type has no span
#include <bpfmap/maps/redirect.hpp>

auto use(bpfmap::cpumap<>& cpus) {
#ifdef BPFMAP_EXPECT_ERROR
  return cpus.span();
#else
  return cpus.entries();
#endif
}
