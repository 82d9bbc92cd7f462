// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: this is no pointer to the map's key type
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

BPFMAP_STRIPED_ARRAY(striped, __u64, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_slot(&striped, (__u64*)0) != 0;
#else
  return bpfmap_slot(&striped, &key) != 0;
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
