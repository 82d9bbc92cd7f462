// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Leaves values with tasks, and with the sockets and cgroups that programs of a cgroup see.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"
#include "storages.h"

BPFMAP_TASK_STORAGE(tasks, struct visit);
BPFMAP_SK_STORAGE(sockets, struct visit);
BPFMAP_CGROUP_STORAGE(created, struct bpf_cgroup_storage_key, __u64);
BPFMAP_PERCPU_CGROUP_STORAGE(percpu_created, __u64, __u64);

__u32 wanted_thread = 0;
__u32 mark = 0;

static __always_inline void leave(struct visit* visit) {
  visit->count++;
  visit->thread = (__u32)bpf_get_current_pid_tgid();
  visit->mark = mark;
}

SEC("tp_btf/sys_enter")
int visit_task(void* ctx) {
  struct visit* visit;

  (void)ctx;
  if ((__u32)bpf_get_current_pid_tgid() != wanted_thread) return 0;
  visit = bpf_task_storage_get(&tasks, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (visit) leave(visit);
  return 0;
}

SEC("cgroup/sock_create")
int visit_socket(struct bpf_sock* socket) {
  struct visit* visit = bpf_sk_storage_get(&sockets, socket, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
  __u64* count = bpf_get_local_storage(&created, 0);
  __u64* slot = bpf_get_local_storage(&percpu_created, 0);

  if (visit) leave(visit);
  __sync_fetch_and_add(count, 1);
  ++*slot;
  return 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
