// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: BPF has atomic additions to aligned members only, and this one is packed
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

struct __attribute__((packed)) counts {
  __u64 first;
  __u8 kind;
  __u64 second;
};
BPFMAP_HASH(hash, __u32, struct counts, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;
  __u64 number = 0;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_add(&hash, &key, number, second);
#else
  return bpfmap_add(&hash, &key, number, first);
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
