// SPDX-License-Identifier: MIT
// flags: -fno-exceptions
// expect-error: exceptions are disabled: call the overload whose last parameter is
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <system_error>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;

std::uint64_t use(flows& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.for_each([](std::uint32_t, std::uint64_t) {});
#else
  std::error_code ec;
  return map.for_each([](std::uint32_t, std::uint64_t) {}, ec);
#endif
}
