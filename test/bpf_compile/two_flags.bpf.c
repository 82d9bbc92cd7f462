// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: flags are one expression: FIRST \| SECOND, with no comma between
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

#ifdef BPFMAP_EXPECT_ERROR
BPFMAP_HASH(hash, __u32, __u64, 16, BPF_F_RDONLY_PROG, BPF_F_NO_PREALLOC);
#else
BPFMAP_HASH(hash, __u32, __u64, 16, BPF_F_RDONLY_PROG | BPF_F_NO_PREALLOC);
#endif

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  __u32 key = 1;
  __u64 number = 0;

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_size(&hash) + key + number;
#else
  return bpfmap_size(&hash) + key + number;
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
