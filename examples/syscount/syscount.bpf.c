// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Counts, times and samples system calls. Each program does one thing, so each can be left out.
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpfmap.bpf.h>

#include "syscount.h"

// The tool has the same numbers in tracer.cpp: what is written here is read there as it is.
_Static_assert(sizeof(struct syscount_key) == 8 && __builtin_offsetof(struct syscount_key, call) == 4, "");
_Static_assert(sizeof(struct syscount_stats) == 56 && __builtin_offsetof(struct syscount_stats, ns) == 24 &&
                   __builtin_offsetof(struct syscount_stats, name) == 40,
               "");
_Static_assert(sizeof(struct syscount_start) == 24 && __builtin_offsetof(struct syscount_start, pid) == 16, "");
_Static_assert(sizeof(struct syscount_sample) == 40 && __builtin_offsetof(struct syscount_sample, name) == 20, "");

// The part of the kernel's struct that is needed; libbpf finds out where the members really are.
struct task_struct {
  struct task_struct* group_leader;
  __u64 start_time;
  char comm[SYSCOUNT_NAME_SIZE];
} __attribute__((preserve_access_index));

BPFMAP_PERCPU_HASH(calls, struct syscount_key, struct syscount_stats, 16384);
// By thread. LRU, because a thread that ends leaves its last call here: exit does not return.
BPFMAP_LRU_HASH(starts, __u32, struct syscount_start, 16384);
BPFMAP_ARRAY_MMAPABLE(latency, __u64, BPFMAP_LOG2_SLOTS);
// No size here: it follows from the machine.
BPFMAP_PERF_EVENT_ARRAY(samples);

const volatile __u32 sample_every = 1000;
__u64 not_counted = 0;  // calls for which `calls` had no room
__u64 not_noted = 0;    // calls for which `starts` had no room
__u64 sampled = 0;      // calls that were chosen as samples, whether or not they could be sent

// The name of the process: its first thread's, whichever thread makes the call.
static __always_inline void read_name(char* name) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct task_struct* leader = BPF_CORE_READ(task, group_leader);

  bpf_core_read_str(name, SYSCOUNT_NAME_SIZE, &leader->comm);
}

static __always_inline __u64 beginning_of_thread(void) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();

  return BPF_CORE_READ(task, start_time);
}

// This CPU's slot, made if there is none yet. The name is read anew each time: execve changes it.
static __always_inline struct syscount_stats* stats_of(const struct syscount_key* key, __u64 now) {
  const struct syscount_stats zero = {};
  struct syscount_stats* stats = bpfmap_get_or_init(&calls, key, &zero);

  if (!stats) return 0;
  stats->last_ns = now;
  read_name(stats->name);
  return stats;
}

SEC("raw_tp/sys_enter")
int count_calls(struct bpf_raw_tracepoint_args* ctx) {
  struct syscount_key key = {
      .pid = bpf_get_current_pid_tgid() >> 32,
      .call = (__s32)ctx->args[1],
  };
  struct syscount_stats* stats = stats_of(&key, bpf_ktime_get_ns());

  if (stats)
    stats->calls++;
  else
    __sync_fetch_and_add(&not_counted, 1);
  return 0;
}

SEC("raw_tp/sys_enter")
int stamp_calls(struct bpf_raw_tracepoint_args* ctx) {
  __u64 ids = bpf_get_current_pid_tgid();
  __u32 thread = (__u32)ids;
  struct syscount_start start = {
      .ns = bpf_ktime_get_ns(),
      .thread_ns = beginning_of_thread(),
      .pid = ids >> 32,
      .call = (__s32)ctx->args[1],
  };

  if (bpf_map_update_elem(&starts, &thread, &start, BPF_ANY)) __sync_fetch_and_add(&not_noted, 1);
  return 0;
}

SEC("raw_tp/sys_exit")
int time_calls(struct bpf_raw_tracepoint_args* ctx) {
  __s64 result = (__s64)ctx->args[1];
  __u32 thread = (__u32)bpf_get_current_pid_tgid();
  __u64 now = bpf_ktime_get_ns();
  struct syscount_start* noted = bpf_map_lookup_elem(&starts, &thread);
  struct syscount_start start;
  struct syscount_stats* stats;
  struct syscount_key key = {};
  __u32 slot;
  __u64 ns;

  // The call began before this tool did.
  if (!noted) return 0;
  start = *noted;
  bpf_map_delete_elem(&starts, &thread);
  // A new thread comes out of a call that it never went into. What was noted is the last call of an
  // older thread with the same number.
  if (start.thread_ns != beginning_of_thread()) return 0;

  ns = now - start.ns;
  slot = bpfmap_log2_slot(ns);
  bpfmap_add(&latency, &slot, 1);

  key.pid = start.pid;
  key.call = start.call;
  stats = stats_of(&key, now);
  if (!stats) {
    __sync_fetch_and_add(&not_counted, 1);
    return 0;
  }
  stats->finished++;
  stats->ns += ns;
  // The kernel keeps the last 4095 values for errors.
  if (result < 0 && result >= -4095) stats->failed++;
  return 0;
}

SEC("raw_tp/sys_enter")
int sample_calls(struct bpf_raw_tracepoint_args* ctx) {
  __u64 ids = bpf_get_current_pid_tgid();
  struct syscount_sample sample = {
      .ns = bpf_ktime_get_ns(),
      .pid = ids >> 32,
      .tid = (__u32)ids,
      .call = (__s32)ctx->args[1],
  };

  // By chance, because every n-th call could always be the same call of a program that repeats
  // itself.
  if (sample_every == 0 || bpf_get_prandom_u32() % sample_every) return 0;
  read_name(sample.name);
  __sync_fetch_and_add(&sampled, 1);
  // Where there is no room, the kernel counts the loss.
  bpfmap_emit_perf(ctx, &samples, &sample);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
