// SPDX-License-Identifier: MIT
// expect-error: no known conversion.*program_fd
// (The compilers' own words: they ask no concept of bpfmap's here.)
#include <bpfmap/maps/fd_array.hpp>

void use(bpfmap::prog_array& steps, int fd) {
#ifdef BPFMAP_EXPECT_ERROR
  steps.insert_or_assign(0, fd);
#else
  steps.insert_or_assign(0, bpfmap::program_fd(fd));
#endif
}
