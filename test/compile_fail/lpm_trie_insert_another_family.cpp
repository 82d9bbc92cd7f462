// SPDX-License-Identifier: MIT
// expect-error: no matching (member )?function
#include <bpfmap/maps/lpm_trie.hpp>

#include <cstdint>

using namespace bpfmap::literals;
using routes = bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv4>, std::uint32_t>;

bool use(routes& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.insert("2001:db8::/32"_cidr, 1);
#else
  return map.insert("10.0.0.0/8"_cidr, 1);
#endif
}
