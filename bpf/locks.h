/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Shared by BPF programs and C++: plain C. */
#ifndef BPFMAP_BPF_LOCKS_H
#define BPFMAP_BPF_LOCKS_H

#include <linux/bpf.h>

struct locked_pair {
  struct bpf_spin_lock lock;
  __u32 unused;
  __u64 first;
  __u64 between[500]; /* so that copying takes long enough to be interrupted */
  __u64 second;
};

#endif
