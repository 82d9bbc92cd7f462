// SPDX-License-Identifier: MIT
// expect-error: a pointer or reference means nothing on the other side
#include <bpfmap/maps/queue.hpp>

#ifdef BPFMAP_EXPECT_ERROR
bpfmap::queue<int*> jobs;
#else
bpfmap::queue<int> jobs;
#endif
