// SPDX-License-Identifier: MIT
// expect-error: only prefixes of ipv4 and ipv6 have a text that can be read
#include <bpfmap/maps/lpm_trie.hpp>

#include <array>
#include <cstddef>

#ifdef BPFMAP_EXPECT_ERROR
auto const key = bpfmap::lpm_key<std::array<std::byte, 4>>::parse("10.0.0.0/8");
#else
auto const key = bpfmap::lpm_key<bpfmap::ipv4>::parse("10.0.0.0/8");
#endif
