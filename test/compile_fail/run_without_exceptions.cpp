// SPDX-License-Identifier: MIT
// flags: -fno-exceptions
// expect-error: exceptions are disabled: call the overload whose last parameter is
#include <bpfmap/objects/program.hpp>

#include <cstdint>
#include <system_error>

std::uint32_t use(bpfmap::program const& program) {
#ifdef BPFMAP_EXPECT_ERROR
  return program.run().return_value;
#else
  std::error_code ec;
  return program.run({}, ec).return_value;
#endif
}
