// SPDX-License-Identifier: MIT
// expect-error: raise_length|constant expression
#include <bpfmap/maps/lpm_trie.hpp>

using namespace bpfmap::literals;

#ifdef BPFMAP_EXPECT_ERROR
[[maybe_unused]] constexpr bpfmap::lpm_key lan("10.0.0.0"_ip, 33);
#else
[[maybe_unused]] constexpr bpfmap::lpm_key lan("10.0.0.0"_ip, 32);
#endif
