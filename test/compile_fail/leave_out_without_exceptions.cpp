// SPDX-License-Identifier: MIT
// flags: -fno-exceptions
// expect-error: exceptions are disabled: call the overload whose last parameter is
#include <bpfmap/objects/object.hpp>

#include <cstdint>
#include <system_error>

void use(bpfmap::object& object) {
#ifdef BPFMAP_EXPECT_ERROR
  object.leave_out_unsupported();
#else
  std::error_code ec;
  object.leave_out_unsupported(ec);
#endif
}
