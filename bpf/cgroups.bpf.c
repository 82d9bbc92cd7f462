// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Leaves values with the cgroup of the current task.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"
#include "storages.h"

BPFMAP_CGRP_STORAGE(cgroups, struct visit);

/* The parts of the kernel's structs that are needed, wherever the running kernel has them. */
#define KERNEL __attribute__((preserve_access_index))
struct css_set {
  struct cgroup* dfl_cgrp;
} KERNEL;
struct task_struct {
  struct css_set* cgroups;
} KERNEL;

__u32 wanted_thread = 0;
__u32 mark = 0;

SEC("tp_btf/sys_enter")
int visit_cgroup(void* ctx) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct visit* visit;

  (void)ctx;
  if ((__u32)bpf_get_current_pid_tgid() != wanted_thread) return 0;
  visit = bpf_cgrp_storage_get(&cgroups, task->cgroups->dfl_cgrp, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!visit) return 0;
  visit->count++;
  visit->thread = wanted_thread;
  visit->mark = mark;
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
