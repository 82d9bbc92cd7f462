// SPDX-License-Identifier: MIT
// expect-error: this map type has no atomic extract
#include <bpfmap/maps/lpm_trie.hpp>

#include <cstdint>
#include <vector>

using routes = bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv4>, std::uint32_t>;

void use(routes const& map, std::vector<routes::value_type>& out) {
#ifdef BPFMAP_EXPECT_ERROR
  map.extract_all(out);
#else
  for (auto const& each : map) out.push_back(each);
  map.clear();
#endif
}
