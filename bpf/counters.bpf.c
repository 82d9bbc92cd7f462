// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Counts in per-CPU maps of several slot sizes: every run adds one on the CPU it runs on.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_HASH);
  __uint(max_entries, 16);
  __type(key, __u32);
  __type(value, __u64);
} hits SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
  __uint(max_entries, 16);
  __type(key, __u32);
  __type(value, __u64);
} lru_hits SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u64);
} array_hits SEC(".maps");

__u32 counted_key = 7;
__u64 runs = 0;
const volatile __u64 step = 1;

static __always_inline void add(void* map, const __u32* key) {
  __u64 zero = 0;
  __u64* slot = bpf_map_lookup_elem(map, key);

  if (!slot) {
    bpf_map_update_elem(map, key, &zero, BPF_NOEXIST);
    slot = bpf_map_lookup_elem(map, key);
  }
  if (slot) *slot += step;
}

SEC("raw_tp/sys_enter")
int count(void* ctx) {
  __u32 key = counted_key;
  __u32 index = 0;

  (void)ctx;
  add(&hits, &key);
  add(&lru_hits, &key);
  add(&array_hits, &index);
  __sync_fetch_and_add(&runs, 1);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
