// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: nobody counts the elements of this map type
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

BPFMAP_ARRAY_OF_MAPS(tables, 9, BPFMAP_INNER(ARRAY, __u64, 1));
BPFMAP_ARRAY(cells, __u64, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_size(&tables);
#else
  return bpfmap_size(&cells);
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
