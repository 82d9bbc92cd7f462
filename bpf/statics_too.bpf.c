// SPDX-License-Identifier: MIT OR GPL-2.0-only
// To be linked with statics.bpf.c, which has variables of the same names: static ones, and one that is not.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"

static volatile __u64 hits;
static volatile __s32 balance;

SEC("tc")
int counts_too(void* ctx) {
  (void)ctx;
  hits += 100;
  balance += 100;
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
