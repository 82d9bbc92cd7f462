// SPDX-License-Identifier: MIT
// expect-error: the kernel does not tell whether this map type had the element: use insert_or_assign
#include <bpfmap/maps/fd_array.hpp>

#include <system_error>

void use(bpfmap::prog_array& steps, bpfmap::program_fd parse, std::error_code& ec) {
#ifdef BPFMAP_EXPECT_ERROR
  steps.assign(0, parse, ec);
#else
  steps.insert_or_assign(0, parse, ec);
#endif
}
