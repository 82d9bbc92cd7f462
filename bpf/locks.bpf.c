// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A value with a spin lock, which only programs can keep consistent without BPF_F_LOCK.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"
#include "locks.h"

BPFMAP_HASH(pairs, __u32, struct locked_pair, 4);

SEC("tc")
int write_pair(struct __sk_buff* skb) {
  __u32 key = 1;
  struct locked_pair* pair = bpf_map_lookup_elem(&pairs, &key);

  (void)skb;
  if (!pair) return 1;
  bpf_spin_lock(&pair->lock);
  pair->first++;
  pair->second = pair->first;
  bpf_spin_unlock(&pair->lock);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
