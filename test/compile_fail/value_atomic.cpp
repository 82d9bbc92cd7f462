// SPDX-License-Identifier: MIT
// expect-error: the kernel copies keys and values byte by byte: the type must be trivially copyable
#include <bpfmap/maps/array.hpp>

#include <atomic>
#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using value = std::atomic<std::uint64_t>;
#else
using value = std::uint64_t;
#endif
using counters = bpfmap::array<value>;

bool use(counters& map) { return map.find(1).has_value(); }
