// SPDX-License-Identifier: MIT
// expect-error: the kernel copies keys and values byte by byte: the type must be trivially copyable
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <utility>

struct endpoints {
  std::uint32_t from, to;
};

#ifdef BPFMAP_EXPECT_ERROR
using key = std::pair<std::uint32_t, std::uint32_t>;
#else
using key = endpoints;
#endif
bpfmap::hash<key, std::uint64_t> map;
