// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: this is no pointer to the map's value type
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

BPFMAP_QUEUE(jobs, __u64, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u64 number = 1;
  __u32 narrow = number;

  (void)ctx, (void)narrow;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_push(&jobs, &narrow);
#else
  return bpfmap_push(&jobs, &number);
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
