// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Takes records from user space.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"

BPFMAP_USER_RINGBUF(commands, 4096);

__u64 total = 0;
__s64 drained = 0;

static long take(struct bpf_dynptr* record, void* context) {
  __u64 number = 0;

  (void)context;
  if (bpf_dynptr_read(&number, sizeof number, record, 0, 0) == 0) total += number;
  return 0;
}

SEC("raw_tp/sys_enter")
int drain(void* ctx) {
  (void)ctx;
  drained = bpf_user_ringbuf_drain(&commands, take, NULL, 0);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
