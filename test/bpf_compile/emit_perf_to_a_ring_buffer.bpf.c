// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: emit is for ring buffers, emit_perf for perf
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

struct event {
  __u64 number;
};

BPFMAP_RINGBUF(ring, 4096);
BPFMAP_PERF_EVENT_ARRAY(perf);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  struct event event = {1};

#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_emit_perf(ctx, &ring, &event);
#else
  return bpfmap_emit_perf(ctx, &perf, &event);
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
