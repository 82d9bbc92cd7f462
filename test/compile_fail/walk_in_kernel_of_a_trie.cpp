// SPDX-License-Identifier: MIT
// expect-error: the kernel has no bpf_for_each_map_elem for this map type
#include <bpfmap/maps/lpm_trie.hpp>

#include <cstdint>

void use(bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv4>, std::uint32_t> const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map.for_each([](auto const&, auto const&) {}, bpfmap::walk::in_kernel);
#else
  map.for_each([](auto const&, auto const&) {});
#endif
}
