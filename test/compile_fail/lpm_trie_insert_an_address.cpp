// SPDX-License-Identifier: MIT
// expect-error: this writes a prefix, and an address alone has no length
#include <bpfmap/maps/lpm_trie.hpp>

#include <cstdint>

using namespace bpfmap::literals;
using routes = bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv4>, std::uint32_t>;

bool use(routes& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.insert("10.0.0.1"_ip, 1);
#else
  return map.insert(bpfmap::lpm_key("10.0.0.1"_ip), 1);
#endif
}
