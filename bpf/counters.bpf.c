// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Counts in per-CPU maps of several slot sizes: every run adds one on the CPU it runs on.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"

BPFMAP_PERCPU_HASH(hits, __u32, __u64, 16);
BPFMAP_LRU_PERCPU_HASH(lru_hits, __u32, __u64, 16);
BPFMAP_PERCPU_ARRAY(array_hits, __u64, 4);

__u32 counted_key = 7;
__u64 runs = 0;
const volatile __u64 step = 1;

SEC("raw_tp/sys_enter")
int count(void* ctx) {
  __u32 key = counted_key;
  __u32 index = 0;

  (void)ctx;
  bpfmap_add(&hits, &key, step);
  bpfmap_add(&lru_hits, &key, step);
  bpfmap_add(&array_hits, &index, step);
  __sync_fetch_and_add(&runs, 1);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
