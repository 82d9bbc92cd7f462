// SPDX-License-Identifier: MIT
// expect-error: a prefix is of bytes in network order
#include <bpfmap/maps/lpm_trie.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
bpfmap::lpm_key<std::uint32_t> key;
#else
bpfmap::lpm_key<std::array<std::byte, 4>> key;
#endif
