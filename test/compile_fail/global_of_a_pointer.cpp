// SPDX-License-Identifier: MIT
// expect-error: a pointer or reference means nothing on the other side: store the bytes themselves
#include <bpfmap/objects/object.hpp>

#include <cstdint>

void use(bpfmap::object& object) {
#ifdef BPFMAP_EXPECT_ERROR
  *object.global<std::uint32_t*>("limit") = 2;
#else
  object.global<std::uint32_t>("limit") = 2;
#endif
}
