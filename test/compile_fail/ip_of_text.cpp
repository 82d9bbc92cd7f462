// SPDX-License-Identifier: MIT
// expect-error: text is read by parse\(\): lpm_key<ipv4>::parse\(line\)
#include <bpfmap/maps/lpm_trie.hpp>

#ifdef BPFMAP_EXPECT_ERROR
bpfmap::ipv4 const address("10.0.0.1");
#else
bpfmap::ipv4 const address = bpfmap::ipv4::parse("10.0.0.1");
#endif
