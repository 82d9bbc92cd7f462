// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: the value is no integer: name a member that is
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

struct stats {
  __u64 packets;
};

BPFMAP_HASH(flows, __u32, struct stats, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_add(&flows, &key, 1);
#else
  return bpfmap_add(&flows, &key, 1, packets);
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
