// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Reads and writes mmapable arrays: cell 0 is multiplied into cell 1, and every run is counted in cell 2.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1000);
  __type(key, __u32);
  __type(value, __u64);
} cells SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1000);
  __type(key, __u32);
  __type(value, __u32);
} small_cells SEC(".maps");

SEC("raw_tp/sys_enter")
int multiply(void* ctx) {
  __u32 from = 0, to = 1, runs = 2;
  __u64* in = bpf_map_lookup_elem(&cells, &from);
  __u64* out = bpf_map_lookup_elem(&cells, &to);
  __u64* count = bpf_map_lookup_elem(&cells, &runs);

  (void)ctx;
  if (in && out) *out = *in * 3;
  if (count) __sync_fetch_and_add(count, 1);
  for (__u32 i = 0; i < 1000; i++) {
    __u32* small = bpf_map_lookup_elem(&small_cells, &i);

    if (small) *small = i * 2 + 1;
  }
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
