/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Shared by BPF programs and C++: plain C. */
#ifndef BPFMAP_BPF_STORAGES_H
#define BPFMAP_BPF_STORAGES_H

#include <linux/types.h>

/* What the programs leave with a task, cgroup or socket. */
struct visit {
  __u64 count;
  __u32 thread;
  __u32 mark;
};

#endif
