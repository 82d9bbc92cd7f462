// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Sends records of two lengths to user space.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"

// Rounded up by the loader.
BPFMAP_RINGBUF(records, 5000);

__u64 sent = 0;

SEC("raw_tp/sys_enter")
int send_record(void* ctx) {
  __u64 record[3] = {1, 2, 3};

  (void)ctx;
  sent++;
  return bpf_ringbuf_output(&records, record, sent % 2 ? sizeof record : sizeof record[0], 0) ? 1 : 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
