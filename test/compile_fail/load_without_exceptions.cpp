// SPDX-License-Identifier: MIT
// flags: -fno-exceptions
// expect-error: exceptions are disabled: call the overload whose last parameter is
#include <bpfmap/objects/object.hpp>

#include <cstdint>
#include <system_error>

void use(bpfmap::object& object) {
#ifdef BPFMAP_EXPECT_ERROR
  object.load();
#else
  std::error_code ec;
  object.load(ec);
#endif
}
