// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A program that the verifier refuses: it reads through what may be a null pointer.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} unchecked SEC(".maps");

SEC("raw_tp/sys_enter")
int reads_null(void* ctx) {
  __u32 key = 1;
  __u64* value = bpf_map_lookup_elem(&unchecked, &key);

  (void)ctx;
  return *value != 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
