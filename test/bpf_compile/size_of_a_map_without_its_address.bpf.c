// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: a map is named by its address: &map, not map
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

BPFMAP_HASH(hash, __u32, __u64, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;
  __u64 number = 0;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_size(hash) + key + number;
#else
  return bpfmap_size(&hash) + key + number;
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
