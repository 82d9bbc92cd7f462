// SPDX-License-Identifier: MIT
// expect-error: exceptions are disabled
// flags: -fno-exceptions
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <system_error>
#include <vector>

using table = bpfmap::hash<std::uint32_t, std::uint64_t>;

bpfmap::bulk_result use(table const& map, std::vector<std::uint32_t> const& keys) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.erase(keys);
#else
  std::error_code ec;
  return map.erase(keys, ec);
#endif
}
