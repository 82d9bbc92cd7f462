// SPDX-License-Identifier: MIT
// expect-error: the kernel copies keys and values byte by byte: the type must be trivially copyable
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <memory>

struct stats {
  std::uint64_t packets;
};

#ifdef BPFMAP_EXPECT_ERROR
using value = std::unique_ptr<stats>;
#else
using value = stats;
#endif
bpfmap::hash<std::uint32_t, value> map;
