// SPDX-License-Identifier: MIT
// expect-error: this is no IP address: write
#include <bpfmap/maps/lpm_trie.hpp>

using namespace bpfmap::literals;

#ifdef BPFMAP_EXPECT_ERROR
[[maybe_unused]] auto const host = "10.0.0.256"_ip;
#else
[[maybe_unused]] auto const host = "10.0.0.255"_ip;
#endif
