// SPDX-License-Identifier: MIT
// expect-error: a per-CPU slot may have 32768 bytes at the most
#include <bpfmap/maps/hash.hpp>

#include <array>
#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using value = std::array<std::byte, 32769>;
#else
using value = std::array<std::byte, 32768>;
#endif
bpfmap::percpu_hash<std::uint32_t, value, bpfmap::reduce::slots> map;
