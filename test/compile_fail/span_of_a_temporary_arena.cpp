// SPDX-License-Identifier: MIT
// expect-error: keep the object in a variable
#include <bpfmap/bpfmap.hpp>

#include <cstdint>

void use(bpfmap::object const& object) {
#ifdef BPFMAP_EXPECT_ERROR
  (void)object.map<bpfmap::arena>("heap").span<std::uint64_t>(0, 1);
#else
  auto heap = object.map<bpfmap::arena>("heap");
  (void)heap.span<std::uint64_t>(0, 1);
#endif
}
