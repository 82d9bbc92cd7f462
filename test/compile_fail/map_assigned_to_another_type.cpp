// SPDX-License-Identifier: MIT
// expect-error: no match for 'operator='|no viable overloaded '='
// (The compilers' own words: they ask no concept of bpfmap's here.)
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <utility>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;
using recent_flows = bpfmap::lru_hash<std::uint32_t, std::uint64_t>;

#ifdef BPFMAP_EXPECT_ERROR
void use(flows& to, recent_flows& from) { to = std::move(from); }
#else
void use(flows& to, flows& from) { to = std::move(from); }
#endif
