// SPDX-License-Identifier: MIT
// expect-error: no known conversion.*program_fd
// (The compilers' own words: they ask no concept of bpfmap's here.)
#include <bpfmap/maps/fd_array.hpp>

void use(bpfmap::prog_array& steps, bpfmap::program_fd parse) {
#ifdef BPFMAP_EXPECT_ERROR
  steps.insert_or_assign(0, steps.at(1));
#else
  steps.insert_or_assign(0, parse);
#endif
}
