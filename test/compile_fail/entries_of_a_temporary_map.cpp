// SPDX-License-Identifier: MIT
// expect-error: keep the object in a variable
#include <bpfmap/bpfmap.hpp>

#include <cstdint>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;

void use(bpfmap::object const& object) {
#ifdef BPFMAP_EXPECT_ERROR
  for (auto const& [key, value] : object.map<flows>("flows").entries()) (void)value;
#else
  for (auto const& [key, value] : object.map<flows>("flows")) (void)value;
#endif
}
