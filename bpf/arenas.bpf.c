// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Writes into arenas, by addresses of user space.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"

enum { SEGV_ON_FAULT = 1 << 17 }; /* BPF_F_SEGV_ON_FAULT, which older headers lack */

BPFMAP_ARENA(heap, 16);
BPFMAP_ARENA(strict_heap, 16, SEGV_ON_FAULT);

__u64 address = 0;

void* bpf_arena_alloc_pages(void* map, void* address, __u32 pages, int node, __u64 flags) __ksym __weak;

/* Adds one to the number at `at`, an address of user space. The bytes are the instruction
 * r0 = addr_space_cast(r0, 0, 1), which compilers emit since clang 19. */
static __always_inline void add_one(void* arena, __u64 at) {
  asm volatile(
      "r1 = %[arena];"
      "r0 = %[at];"
      ".byte 0xbf, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00;"
      "r1 = *(u64 *)(r0 + 0);"
      "r1 += 1;"
      "*(u64 *)(r0 + 0) = r1;"
      :
      : [arena] "r"(arena), [at] "r"(at)
      : "r0", "r1", "memory");
}

SEC("syscall")
int add(void* ctx) {
  (void)ctx;
  add_one(&heap, address);
  return 0;
}

SEC("syscall")
int allocate(void* ctx) {
  void* page = bpf_arena_alloc_pages(&strict_heap, NULL, 1, -1, 0);

  (void)ctx;
  address = (__u64)page;
  if (page) add_one(&strict_heap, address);
  return page ? 0 : 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
