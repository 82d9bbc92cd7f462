// SPDX-License-Identifier: MIT
// expect-error: whose bytes are those of the C struct
#include <bpfmap/maps/lpm_trie.hpp>

#include <cstdint>

struct prefix_of_c {
  std::uint32_t prefixlen;
  std::uint32_t address;
};

#ifdef BPFMAP_EXPECT_ERROR
bpfmap::lpm_trie<prefix_of_c, std::uint32_t> routes;
#else
bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv4>, std::uint32_t> routes;
#endif
