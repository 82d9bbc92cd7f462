// SPDX-License-Identifier: MIT
// expect-error: this writes a prefix, and an address alone has no length
#include <bpfmap/maps/lpm_trie.hpp>

#include <cstdint>

using namespace bpfmap::literals;
using routes = bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv4>, std::uint32_t>;

bool use(routes& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.erase("10.0.0.0"_ip);
#else
  return map.erase("10.0.0.0/8"_cidr);
#endif
}
