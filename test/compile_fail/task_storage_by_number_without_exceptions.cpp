// SPDX-License-Identifier: MIT
// flags: -fno-exceptions
// expect-error: exceptions are disabled: call the overload whose last parameter is
#include <bpfmap/maps/local_storage.hpp>

#include <cstdint>
#include <system_error>

using marks = bpfmap::task_storage<std::uint64_t>;

bool use(marks const& map, std::error_code& ec) {
#ifdef BPFMAP_EXPECT_ERROR
  return !ec && map.contains(bpfmap::pid{1});
#else
  return map.contains(bpfmap::pid{1}, ec);
#endif
}
