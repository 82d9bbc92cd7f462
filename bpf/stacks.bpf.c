// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Takes the user-space stack of one thread whenever it makes one system call.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"

BPFMAP_STACK_TRACE(stacks, 64, 1024);
// Rounded up to 64 buckets by the kernel.
BPFMAP_STACK_TRACE(few_stacks, 127, 33);
BPFMAP_STACK_BUILD_ID(build_ids, 16, 64);

__u32 wanted_thread = 0;
__u64 wanted_call = 0;
__s64 stack_id = -1;
__s64 few_id = -1;
__s64 build_id = -1;

SEC("raw_tp/sys_enter")
int take_stack(struct bpf_raw_tracepoint_args* ctx) {
  if ((__u32)bpf_get_current_pid_tgid() != wanted_thread || ctx->args[1] != wanted_call) return 0;
  stack_id = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
  few_id = bpf_get_stackid(ctx, &few_stacks, BPF_F_USER_STACK | BPF_F_REUSE_STACKID);
  build_id = bpf_get_stackid(ctx, &build_ids, BPF_F_USER_STACK | BPF_F_REUSE_STACKID);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
