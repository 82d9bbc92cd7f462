// SPDX-License-Identifier: MIT
// expect-error: deleted
// (The compilers' own words: they ask no concept of bpfmap's here.)
#include <bpfmap/maps/array.hpp>

#include <cstdint>
#include <utility>

using counters = bpfmap::array<std::uint64_t, bpfmap::mmapable>;

void use(counters& to, counters& from) {
#ifdef BPFMAP_EXPECT_ERROR
  to = from;
#else
  to = std::move(from);
#endif
}
