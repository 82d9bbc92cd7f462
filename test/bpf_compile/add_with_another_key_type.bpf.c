// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: this is no pointer to the map's key type
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

BPFMAP_HASH(hits, __u32, __u64, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;
  __u64 wide = key;

  (void)ctx, (void)wide;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_add(&hits, &wide, 1);
#else
  return bpfmap_add(&hits, &key, 1);
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
