// SPDX-License-Identifier: MIT
// expect-error: keep the object in a variable
#include <bpfmap/bpfmap.hpp>

#include <cstdint>

using table = bpfmap::array<std::uint64_t, bpfmap::mmapable>;

void use(bpfmap::object const& object) {
#ifdef BPFMAP_EXPECT_ERROR
  for (std::uint64_t& each : object.map<table>("table").span()) each = 0;
#else
  auto map = object.map<table>("table");
  for (std::uint64_t& each : map.span()) each = 0;
#endif
}
