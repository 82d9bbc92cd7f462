// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Sends numbered events through a perf event array, and counts those that it could not send.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"
#include "events.h"

BPFMAP_PERF_EVENT_ARRAY(events);

__u64 next_number = 0;
__u64 refused = 0;
__s64 last_error = 0;
__u32 events_per_run = 1;
__u32 event_size = sizeof(struct numbered_event);

SEC("raw_tp/sys_enter")
int send(void* ctx) {
  for (__u32 i = 0; i < 1000 && i < events_per_run; i++) {
    struct numbered_event event = {
        .number = next_number++, /* not atomic, which takes Linux 5.12: runs do not overlap */
        .cpu = bpf_get_smp_processor_id(),
        .check = 0xb9f,
    };
    __u64 size = event_size;

    if (size == 0 || size > sizeof(event)) return 1;

    // Not bpfmap_emit_perf: tests send events that are too short for their type.
    long error = bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &event, size);

    if (error) {
      last_error = error;
      __sync_fetch_and_add(&refused, 1);
    }
  }
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
