// SPDX-License-Identifier: MIT
// wrong-flags: -std=c++17
// expect-error: bpfmap requires C\+\+20: compile with -std=c\+\+20 or newer
// errors: 2
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

int use() { return 0; }
