// SPDX-License-Identifier: MIT
// flags: -fno-exceptions
// expect-error: exceptions are disabled: call the overload whose last parameter is
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <system_error>

std::uint64_t use(bpfmap::hash<std::uint32_t, std::uint64_t> const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.count_if(bpfmap::value() > 5);
#else
  std::error_code ec;
  return map.count_if(bpfmap::value() > 5, ec) + map.sum(bpfmap::value(), ec) + map.top(3, bpfmap::value(), ec).size();
#endif
}
