// SPDX-License-Identifier: MIT
// flags: -fno-exceptions
// expect-error: exceptions are disabled: call the overload whose last parameter is
#include <bpfmap/maps/array.hpp>

#include <cstdint>
#include <system_error>

using counters = bpfmap::array<std::uint64_t>;

counters use() {
#ifdef BPFMAP_EXPECT_ERROR
  return counters::create({.max_entries = 1});
#else
  std::error_code ec;
  return counters::create({.max_entries = 1}, ec);
#endif
}
