// SPDX-License-Identifier: MIT
// flags: -fno-exceptions
// expect-error: exceptions are disabled: call the overload whose last parameter is
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <system_error>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;

std::optional<std::uint64_t> use(flows& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.find(1);
#else
  std::error_code ec;
  return map.find(1, ec);
#endif
}
