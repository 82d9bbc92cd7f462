// SPDX-License-Identifier: MIT
// expect-error: keep the object in a variable
#include <bpfmap/bpfmap.hpp>

#include <cstdint>

using table = bpfmap::array<std::uint32_t, bpfmap::mmapable>;

void use(bpfmap::object const& object) {
#ifdef BPFMAP_EXPECT_ERROR
  for (std::uint32_t& each : object.map<table>("table").cells()) each = 0;
#else
  auto map = object.map<table>("table");
  for (std::uint32_t& each : map.cells()) each = 0;
#endif
}
