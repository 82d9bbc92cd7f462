// SPDX-License-Identifier: MIT OR GPL-2.0-only
// TCP congestion controls that control nothing, but count how often they are asked.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct sock;

/* The members that are needed; libbpf finds the kernel's by their names. */
struct tcp_congestion_ops {
  __u32 (*ssthresh)(struct sock*);
  void (*cong_avoid)(struct sock*, __u32, __u32);
  __u32 (*undo_cwnd)(struct sock*);
  char name[16];
};

__u64 first_calls = 0;
__u64 second_calls = 0;

SEC("struct_ops/ssthresh")
__u32 threshold(__u64* ctx) {
  (void)ctx;
  return 2;
}

SEC("struct_ops/undo_cwnd")
__u32 undo(__u64* ctx) {
  (void)ctx;
  return 10;
}

SEC("struct_ops/cong_avoid")
void avoid_first(__u64* ctx) {
  (void)ctx;
  __sync_fetch_and_add(&first_calls, 1);
}

SEC("struct_ops/cong_avoid")
void avoid_second(__u64* ctx) {
  (void)ctx;
  __sync_fetch_and_add(&second_calls, 1);
}

SEC(".struct_ops")
struct tcp_congestion_ops first = {
    .ssthresh = (void*)threshold, .cong_avoid = (void*)avoid_first, .undo_cwnd = (void*)undo, .name = "bpfmap_test"};

/* Of the same name: it can take the place of the first. */
SEC(".struct_ops")
struct tcp_congestion_ops second = {
    .ssthresh = (void*)threshold, .cong_avoid = (void*)avoid_second, .undo_cwnd = (void*)undo, .name = "bpfmap_test"};

/* A congestion control without these functions is none. */
SEC(".struct_ops")
struct tcp_congestion_ops incomplete = {.cong_avoid = (void*)avoid_first, .name = "bpfmap_none"};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
