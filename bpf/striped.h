/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What striped.bpf.c and its tests agree on: plain C, included on both sides. */
#ifndef BPFMAP_BPF_STRIPED_H
#define BPFMAP_BPF_STRIPED_H

#include <linux/types.h>

/* No multiple of the slots in a cache line. */
#define STRIPED_ENTRIES 1003
#define STRIPED_CPU_IDS 1024
/* Of one run of the programs that show what they cost. */
#define STRIPED_ADDITIONS 500

/* One element as a program sees it. */
struct striped_view {
  __u64 own; /* this CPU's slot */
  __u64 sum;
  __u64 least;
  __u64 most;
  __u64 in_order; /* the slots as digits of base 1000, by CPU */
  __s64 small;    /* the sum of a narrow member */
  __s64 size;
  __u32 slots;
};

#endif
