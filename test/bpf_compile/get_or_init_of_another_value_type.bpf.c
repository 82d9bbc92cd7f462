// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: this is no pointer to the map's value type
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

struct stats {
  __u64 packets;
};

BPFMAP_HASH(flows, __u32, struct stats, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;
  __u64 number = 1;
  struct stats initial = {number};

  (void)ctx, (void)initial;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_get_or_init(&flows, &key, &number) != NULL;
#else
  return bpfmap_get_or_init(&flows, &key, &initial) != NULL;
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
