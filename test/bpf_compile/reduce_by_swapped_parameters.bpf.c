// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: the reducer's parameters are a pointer of the accumulator's type and then one to a const slot
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

BPFMAP_PERCPU_HASH(hash, __u32, __u64, 16);

BPFMAP_REDUCER(swapped, const __u64* slot, __u64* total) { *total += *slot; }
BPFMAP_REDUCER(in_order, __u64* total, const __u64* slot) { *total += *slot; }

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;
  __u64 number = 0;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_reduce(&hash, &key, swapped, &number);
#else
  return bpfmap_reduce(&hash, &key, in_order, &number);
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
