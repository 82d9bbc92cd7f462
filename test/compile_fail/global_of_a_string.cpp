// SPDX-License-Identifier: MIT
// expect-error: this type keeps its bytes elsewhere: use a fixed-size type such as std::array
#include <bpfmap/objects/object.hpp>

#include <array>
#include <cstdint>
#include <string>

void use(bpfmap::object& object) {
#ifdef BPFMAP_EXPECT_ERROR
  object.global<std::string>("interface").resize(1);
#else
  object.global<std::array<char, 16>>("interface").front() = 'e';
#endif
}
