// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: push is for queues, stacks and Bloom filters
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

BPFMAP_HASH(flows, __u32, __u64, 16);
BPFMAP_QUEUE(jobs, __u64, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u64 number = 1;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_push(&flows, &number);
#else
  return bpfmap_push(&jobs, &number);
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
