// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A BPF program that uses bpfmap from outside.
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

BPFMAP_PERCPU_HASH(hits, __u32, __u64, 1024);

SEC("xdp")
int count(struct xdp_md* ctx) {
  __u32 queue = ctx->rx_queue_index;

  bpfmap_add(&hits, &queue, 1);
  return bpfmap_sum(&hits, &queue) > 1000 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
