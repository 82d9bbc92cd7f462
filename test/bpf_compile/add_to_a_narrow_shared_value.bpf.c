// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: BPF has atomic additions of 4 and 8 bytes only
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

BPFMAP_HASH(shared, __u32, __u16, 16);
BPFMAP_PERCPU_HASH(percpu, __u32, __u16, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_add(&shared, &key, 1);
#else
  return bpfmap_add(&percpu, &key, 1);
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
