// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: this map holds no maps
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

BPFMAP_HASH(flows, __u32, __u64, 16);
BPFMAP_HASH_OF_MAPS(tenants, __u32, 16, __typeof__(flows));

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_inner(&flows, &key) != NULL;
#else
  return bpfmap_inner(&tenants, &key) != NULL;
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
