// SPDX-License-Identifier: MIT
// flags: -fno-exceptions
// expect-error: exceptions are disabled: call the overload whose last parameter is
#include <bpfmap/maps/array.hpp>

#include <cstdint>
#include <system_error>

using drops = bpfmap::percpu_array<std::uint64_t>;

std::uint64_t use(drops& map, std::span<std::uint64_t> out) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.totals(out);
#else
  std::error_code ec;
  return map.totals(out, ec);
#endif
}
