// SPDX-License-Identifier: MIT
// expect-error: the kernel does not tell whether this map type had the element: use insert_or_assign
#include <bpfmap/maps/redirect.hpp>

bool use(bpfmap::devmap_hash<>& ports) {
#ifdef BPFMAP_EXPECT_ERROR
  return ports.assign(7, {.ifindex = 1});
#else
  return ports.insert(7, {.ifindex = 1});
#endif
}
