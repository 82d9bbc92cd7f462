// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A program that the verifier refuses: it reads through what may be a null pointer.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"

BPFMAP_HASH(unchecked, __u32, __u64, 1);

SEC("raw_tp/sys_enter")
int reads_null(void* ctx) {
  __u32 key = 1;
  __u64* value = bpf_map_lookup_elem(&unchecked, &key);

  (void)ctx;
  return *value != 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
