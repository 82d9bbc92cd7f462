// SPDX-License-Identifier: MIT
// expect-error: push, pop and peek belong to queue and stack: this map type has keys
#include <bpfmap/maps/lpm_trie.hpp>

#include <cstdint>

using namespace bpfmap::literals;
using routes = bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv4>, std::uint32_t>;

void use(routes& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map.push(std::uint32_t{1});
#else
  map.insert_or_assign("10.0.0.0/8"_cidr, 1);
#endif
}
