// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Reads and writes mmapable arrays: cell 0 is multiplied into cell 1, and every run is counted in cell 2.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"

BPFMAP_ARRAY_MMAPABLE(cells, __u64, 1000);
BPFMAP_ARRAY_MMAPABLE(small_cells, __u32, 1000);

SEC("raw_tp/sys_enter")
int multiply(void* ctx) {
  __u32 from = 0, to = 1, runs = 2;
  __u64* in = bpf_map_lookup_elem(&cells, &from);
  __u64* out = bpf_map_lookup_elem(&cells, &to);

  (void)ctx;
  if (in && out) *out = *in * 3;
  bpfmap_add(&cells, &runs, 1);
  for (__u32 i = 0; i < 1000; i++) {
    __u32 index = i; /* a counter in memory is unknown to older verifiers after the call, so the loop endless */
    __u32* small = bpf_map_lookup_elem(&small_cells, &index);

    if (small) *small = i * 2 + 1;
  }
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
