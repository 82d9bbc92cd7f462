// SPDX-License-Identifier: MIT
// expect-error: to the kernel every index of this map type is present, also an empty one: use insert_or_assign
#include <bpfmap/maps/redirect.hpp>

void use(bpfmap::cpumap<>& cpus) {
#ifdef BPFMAP_EXPECT_ERROR
  cpus.insert(0, {.queue_size = 64});
#else
  cpus.insert_or_assign(0, {.queue_size = 64});
#endif
}
