// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: the reducer's parameters are
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

BPFMAP_PERCPU_HASH(narrow, __u32, __u32, 16);
BPFMAP_PERCPU_HASH(wide, __u32, __u64, 16);

BPFMAP_REDUCER(largest, __u64* most, const __u64* slot) {
  if (*slot > *most) *most = *slot;
}

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;
  __u64 most = 0;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_reduce(&narrow, &key, largest, &most);
#else
  return bpfmap_reduce(&wide, &key, largest, &most);
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
