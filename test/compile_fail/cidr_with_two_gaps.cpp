// SPDX-License-Identifier: MIT
// expect-error: this is no IP prefix: write
#include <bpfmap/maps/lpm_trie.hpp>

using namespace bpfmap::literals;

#ifdef BPFMAP_EXPECT_ERROR
[[maybe_unused]] auto const net = "2001::db8::/32"_cidr;
#else
[[maybe_unused]] auto const net = "2001:db8::/32"_cidr;
#endif
