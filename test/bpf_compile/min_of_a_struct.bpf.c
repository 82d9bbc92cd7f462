// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: the value is no integer: name a member that is
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

struct stats {
  __u64 worst;
};

BPFMAP_PERCPU_HASH(latencies, __u32, struct stats, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_min(&latencies, &key);
#else
  return bpfmap_min(&latencies, &key, worst);
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
