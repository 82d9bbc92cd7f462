// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A program that the verifier refuses after it has said much more than 64 KiB about it.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"

BPFMAP_HASH(far_away, __u32, __u64, 1);

SEC("raw_tp/sys_enter")
int walks_far(void* ctx) {
  __u32 key = 1;
  __u64* value = bpf_map_lookup_elem(&far_away, &key);

  (void)ctx;
  __asm__ volatile(
      ".rept 5000\n"
      "r6 = 1\n"
      "r6 += 1\n"
      ".endr\n" ::
          : "r6");
  return *value != 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
