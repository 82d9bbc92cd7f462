// SPDX-License-Identifier: MIT
// expect-error: keep the object in a variable
#include <bpfmap/bpfmap.hpp>

#include <cstdint>

using drops = bpfmap::striped_array<std::uint64_t>;

void use(bpfmap::object const& object) {
#ifdef BPFMAP_EXPECT_ERROR
  for (std::uint64_t const each : object.map<drops>("drops").values()) (void)each;
#else
  auto const map = object.map<drops>("drops");
  for (std::uint64_t const each : map.values()) (void)each;
#endif
}
