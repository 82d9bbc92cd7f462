// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Programs that jump through a prog_array, ask a cgroup_array, and read a counter of a perf_event_array.
#include <linux/bpf.h>
#include "bpfmap.bpf.h"

BPFMAP_PROG_ARRAY(steps, 4);
BPFMAP_CGROUP_ARRAY(groups, 2);
BPFMAP_PERF_EVENT_ARRAY(clocks);
BPFMAP_ARRAY(readings, __u64, 1);

SEC("socket")
int jump(struct __sk_buff* packet) {
  bpf_tail_call(packet, &steps, 1);
  return 1;  // there was nothing to jump to
}

SEC("socket")
int ten(struct __sk_buff* packet) {
  (void)packet;
  return 10;
}

SEC("socket")
int twenty(struct __sk_buff* packet) {
  (void)packet;
  return 20;
}

SEC("xdp")
int of_another_type(struct xdp_md* packet) {
  (void)packet;
  return XDP_PASS;
}

// 1: the task that runs it is in the cgroup at that index, 0: it is not; or a negative errno.
SEC("raw_tp")
int runs_under(__u64* ctx) { return bpf_current_task_under_cgroup(&groups, (__u32)ctx[0]); }

// 0, or a negative errno.
SEC("raw_tp")
int read_clock(void* ctx) {
  struct bpf_perf_event_value value = {};
  __u32 first = 0;

  (void)ctx;
  int error = bpf_perf_event_read_value(&clocks, BPF_F_CURRENT_CPU, &value, sizeof(value));
  if (error) return error;
  return bpf_map_update_elem(&readings, &first, &value.counter, BPF_ANY);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
