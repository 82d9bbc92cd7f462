// SPDX-License-Identifier: MIT
// expect-error: need not end in a null character
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <string>
#include <string_view>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;

void use(flows& map, std::string_view path) {
#ifdef BPFMAP_EXPECT_ERROR
  map.pin(path);
#else
  map.pin(std::string(path));
#endif
}
