/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the programs side_*.bpf.c and their tests agree on: plain C, included on both sides. */
#ifndef BPFMAP_BPF_SIDE_H
#define BPFMAP_BPF_SIDE_H

#include <linux/types.h>

struct side_key {
  __u32 group;
  __u32 member;
};

/* A number of each integer type that a slot may hold. */
struct side_parts {
  __u64 u64;
  __s64 s64;
  __u32 u32;
  __s32 s32;
  __u16 u16;
  __s16 s16;
  __u8 u8;
  __s8 s8;
  __u16 unused;
};

/* A slot of no multiple of 8 bytes. */
struct side_odd {
  __u8 numbers[11];
};

/* What a reduction makes of each of them. */
struct side_reduced {
  __u64 u64;
  __s64 s64;
  __u64 u32;
  __s64 s32;
  __u64 u16;
  __s64 s16;
  __u64 u8;
  __s64 s8;
};

/* One per-CPU element as a program sees it. */
struct side_view {
  __u64 naive; /* what bpf_map_lookup_elem gives: this CPU's slot */
  __u64 sum;
  __u64 least;
  __u64 most;
  __u64 in_order; /* the slots as digits of base 1000, by CPU */
  __u32 slots;
  __u32 cpu; /* where the program ran */
};

struct side_event {
  __u64 number;
  __u32 cpu;
  __u32 check;
};

/* Sizes and offsets as the BPF compiler has them. */
struct side_layout {
  __u32 key, key_member;
  __u32 parts, parts_s64, parts_u32, parts_s32, parts_u16, parts_s16, parts_u8, parts_s8;
  __u32 view, view_in_order, view_cpu;
  __u32 event, event_check;
};

#endif
