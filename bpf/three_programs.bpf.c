// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Three programs that can be chosen one by one.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"

BPFMAP_ARRAY(ran, __u64, 3);

static __always_inline int mark(__u32 index) {
  bpfmap_add(&ran, &index, 1);
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
