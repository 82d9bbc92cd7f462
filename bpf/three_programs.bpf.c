// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Three programs that can be chosen one by one.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 3);
  __type(key, __u32);
  __type(value, __u64);
} ran SEC(".maps");

static __always_inline int mark(__u32 index) {
  __u64* slot = bpf_map_lookup_elem(&ran, &index);

  if (slot) __sync_fetch_and_add(slot, 1);
  return 0;
}

SEC("raw_tp/sys_enter")
int bpfmap_first(void* ctx) {
  (void)ctx;
  return mark(0);
}

SEC("raw_tp/sys_exit")
int bpfmap_second(void* ctx) {
  (void)ctx;
  return mark(1);
}

SEC("raw_tp/sys_enter")
int bpfmap_third(void* ctx) {
  (void)ctx;
  return mark(2);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
