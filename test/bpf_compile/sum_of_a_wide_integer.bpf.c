// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: BPF has integers of up to 8 bytes
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

BPFMAP_PERCPU_HASH(wide, __u32, unsigned __int128, 16);
BPFMAP_PERCPU_HASH(narrow, __u32, __u64, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;
  __u64 number = 0;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_sum(&wide, &key) + number;
#else
  return bpfmap_sum(&narrow, &key) + number;
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
