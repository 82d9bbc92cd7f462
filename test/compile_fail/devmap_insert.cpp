// SPDX-License-Identifier: MIT
// expect-error: to the kernel every index of this map type is present, also an empty one: use insert_or_assign
#include <bpfmap/maps/redirect.hpp>

void use(bpfmap::devmap<>& ports) {
#ifdef BPFMAP_EXPECT_ERROR
  ports.insert(0, {.ifindex = 1});
#else
  ports.insert_or_assign(0, {.ifindex = 1});
#endif
}
