// SPDX-License-Identifier: MIT
// expect-error: push, pop and peek belong to queue and stack
#include <bpfmap/maps/fd_array.hpp>

void use(bpfmap::prog_array& steps, bpfmap::program_fd parse) {
#ifdef BPFMAP_EXPECT_ERROR
  steps.push(parse);
#else
  steps.insert_or_assign(0, parse);
#endif
}
