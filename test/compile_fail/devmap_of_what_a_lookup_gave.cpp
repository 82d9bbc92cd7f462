// SPDX-License-Identifier: MIT
// expect-error: no known conversion.*devmap_value
// (The compilers' own words: they ask no concept of bpfmap's here.)
#include <bpfmap/maps/redirect.hpp>

void use(bpfmap::devmap<>& ports) {
#ifdef BPFMAP_EXPECT_ERROR
  ports.insert_or_assign(0, ports.at(1));
#else
  ports.insert_or_assign(0, {.ifindex = ports.at(1).ifindex});
#endif
}
