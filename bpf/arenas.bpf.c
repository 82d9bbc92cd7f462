// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Writes into an arena, by addresses of user space. An object has one arena: newer libbpf refuses those with two.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"

#include "arena_add.h"

BPFMAP_ARENA(heap, 16);

__u64 address = 0;

SEC("syscall")
int add(void* ctx) {
  (void)ctx;
  add_one(&heap, address);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
