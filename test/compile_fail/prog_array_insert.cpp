// SPDX-License-Identifier: MIT
// expect-error: the kernel takes no BPF_NOEXIST for this map type: use insert_or_assign
#include <bpfmap/maps/fd_array.hpp>

void use(bpfmap::prog_array& steps, bpfmap::program_fd parse) {
#ifdef BPFMAP_EXPECT_ERROR
  steps.insert(0, parse);
#else
  steps.insert_or_assign(0, parse);
#endif
}
