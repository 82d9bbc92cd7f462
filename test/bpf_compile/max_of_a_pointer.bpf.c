// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: the value is no integer: name a member that is
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

struct stats {
  __u64 worst;
  void* where;
};

BPFMAP_PERCPU_HASH(latencies, __u32, struct stats, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return (long)bpfmap_max(&latencies, &key, where);
#else
  return bpfmap_max(&latencies, &key, worst);
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
