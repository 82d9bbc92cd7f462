// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: parentheses around a compound literal, please
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

struct pair {
  __u32 a, b;
};
BPFMAP_HASH(hash, struct pair, __u64, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;
  __u64 number = 0;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_add(&hash, &(struct pair){1, 2}, number) + key;
#else
  return bpfmap_add(&hash, (&(struct pair){1, 2}), number) + key;
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
