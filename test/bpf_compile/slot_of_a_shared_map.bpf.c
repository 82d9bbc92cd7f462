// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: only per-CPU maps and striped arrays have a slot per CPU
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

BPFMAP_ARRAY_MMAPABLE(shared, __u64, 16);
BPFMAP_STRIPED_ARRAY(striped, __u64, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_slot(&shared, &key) != 0;
#else
  return bpfmap_slot(&striped, &key) != 0;
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
