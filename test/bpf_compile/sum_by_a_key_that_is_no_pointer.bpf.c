// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: this is no pointer to the map's key type
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

BPFMAP_PERCPU_HASH(hits, __u32, __u64, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_sum(&hits, key);
#else
  return bpfmap_sum(&hits, &key);
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
