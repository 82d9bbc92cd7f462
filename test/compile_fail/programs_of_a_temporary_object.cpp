// SPDX-License-Identifier: MIT
// expect-error: keep the object in a variable
#include <bpfmap/bpfmap.hpp>

#include <cstdint>

void use() {
#ifdef BPFMAP_EXPECT_ERROR
  for (auto const& program : bpfmap::object::open("tool.bpf.o").programs()) (void)program;
#else
  auto const object = bpfmap::object::open("tool.bpf.o");
  for (auto const& program : object.programs()) (void)program;
#endif
}
