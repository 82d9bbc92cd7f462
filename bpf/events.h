/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Shared by BPF programs and C++: plain C. */
#ifndef BPFMAP_BPF_EVENTS_H
#define BPFMAP_BPF_EVENTS_H

#include <linux/types.h>

struct numbered_event {
  __u64 number;
  __u32 cpu;
  __u32 check;
};

#endif
