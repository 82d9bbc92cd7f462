// SPDX-License-Identifier: MIT
// expect-error: the values of a devmap are devmap_value \(8 bytes\) or devmap_device \(4 bytes\)
#include <bpfmap/maps/redirect.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using ports = bpfmap::devmap<std::uint32_t>;
#else
using ports = bpfmap::devmap<bpfmap::devmap_device>;
#endif

std::uint64_t use(ports& map) { return map.max_size(); }
