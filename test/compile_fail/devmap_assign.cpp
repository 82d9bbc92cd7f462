// SPDX-License-Identifier: MIT
// expect-error: the kernel does not tell whether this map type had the element: use insert_or_assign
#include <bpfmap/maps/redirect.hpp>

void use(bpfmap::devmap<>& ports) {
#ifdef BPFMAP_EXPECT_ERROR
  ports.assign(0, {.ifindex = 1});
#else
  ports.insert_or_assign(0, {.ifindex = 1});
#endif
}
