// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Sends numbered events through a perf event array, and counts those that it could not send.
#include "events.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
  __type(key, __u32);
  __type(value, __u32);
} events SEC(".maps");

__u64 next_number = 0;
__u64 refused = 0;
__s64 last_error = 0;
__u32 events_per_run = 1;
__u32 event_size = sizeof(struct numbered_event);

SEC("raw_tp/sys_enter")
int send(void* ctx) {
  for (__u32 i = 0; i < 1000 && i < events_per_run; i++) {
    struct numbered_event event = {
        .number = __sync_fetch_and_add(&next_number, 1),
        .cpu = bpf_get_smp_processor_id(),
        .check = 0xb9f,
    };
    __u64 size = event_size;

    if (size == 0 || size > sizeof(event)) return 1;

    long error = bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &event, size);

    if (error) {
      last_error = error;
      __sync_fetch_and_add(&refused, 1);
    }
  }
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
