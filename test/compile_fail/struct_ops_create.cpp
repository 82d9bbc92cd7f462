// SPDX-License-Identifier: MIT
// expect-error: a struct_ops holds programs: it is created with the object that they are in
#include <bpfmap/maps/struct_ops.hpp>

bool use(int fd) {
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap::struct_ops::create({.name = "control", .max_entries = 1}).by_link() && fd >= 0;
#else
  return bpfmap::struct_ops::from_fd(fd).by_link();
#endif
}
