// SPDX-License-Identifier: MIT
// expect-error: text is read by parse\(\): lpm_key<ipv4>::parse\(line\)
#include <bpfmap/maps/lpm_trie.hpp>

#include <string>

using prefix = bpfmap::lpm_key<bpfmap::ipv4>;

#ifdef BPFMAP_EXPECT_ERROR
prefix read(std::string const& line) { return prefix(line); }
#else
prefix read(std::string const& line) { return prefix::parse(line); }
#endif
