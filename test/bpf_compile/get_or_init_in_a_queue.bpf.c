// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: only hashes and arrays, where a key finds its own element or none
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

BPFMAP_QUEUE(jobs, __u64, 16);
BPFMAP_HASH(owners, __u32, __u64, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;
  __u64 initial = 1;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_get_or_init(&jobs, &key, &initial) != NULL;
#else
  return bpfmap_get_or_init(&owners, &key, &initial) != NULL;
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
