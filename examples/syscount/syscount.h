/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the BPF programs and the tool agree on: plain C. */
#ifndef SYSCOUNT_H
#define SYSCOUNT_H

#include <linux/types.h>

/* As long as a process's name in the kernel, with its null character. */
#define SYSCOUNT_NAME_SIZE 16

struct syscount_key {
  __u32 pid; /* the process: what the kernel calls tgid */
  __s32 call;
};

/* Each CPU has its own: only all of them together mean something. */
struct syscount_stats {
  __u64 calls;
  __u64 finished; /* calls whose beginning and end were seen */
  __u64 failed;   /* of these: returned an error */
  __u64 ns;       /* of these: time from beginning to end */
  __u64 last_ns;  /* when this CPU saw the last one */
  char name[SYSCOUNT_NAME_SIZE];
};

struct syscount_start {
  __u64 ns;
  __u64 thread_ns; /* when the thread began: tells it from a later one with the same number */
  __u32 pid;
  __s32 call;
};

struct syscount_sample {
  __u64 ns;
  __u32 pid;
  __u32 tid;
  __s32 call;
  char name[SYSCOUNT_NAME_SIZE];
  __u32 unused; /* no padding, which would be bytes of the kernel's stack */
};

#endif
