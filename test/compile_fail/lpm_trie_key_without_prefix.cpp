// SPDX-License-Identifier: MIT
// expect-error: the key of an lpm_trie has a prefix length
#include <bpfmap/maps/lpm_trie.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
bpfmap::lpm_trie<std::uint32_t, std::uint64_t> routes;
#else
bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv4>, std::uint64_t> routes;
#endif
