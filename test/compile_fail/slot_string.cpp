// SPDX-License-Identifier: MIT
// expect-error: this type keeps its bytes elsewhere: use a fixed-size type such as std::array
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <string>

#ifdef BPFMAP_EXPECT_ERROR
using value = std::string;
#else
using value = std::uint64_t;
#endif
bpfmap::percpu_hash<std::uint32_t, value> map;
