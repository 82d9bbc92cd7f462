// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Allocates a page of an arena whose other pages are not there.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"

#include "arena_add.h"

enum { SEGV_ON_FAULT = 1 << 17 }; /* BPF_F_SEGV_ON_FAULT, which older headers lack */

BPFMAP_ARENA(heap, 16, SEGV_ON_FAULT);

__u64 address = 0;

void* bpf_arena_alloc_pages(void* map, void* address, __u32 pages, int node, __u64 flags) __ksym __weak;

SEC("syscall")
int allocate(void* ctx) {
  void* page = bpf_arena_alloc_pages(&heap, NULL, 1, -1, 0);

  (void)ctx;
  address = (__u64)page;
  if (page) add_one(&heap, address);
  return page ? 0 : 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
