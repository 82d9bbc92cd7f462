// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: only hashes and arrays, where a key finds its own element or none
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

struct prefix {
  __u32 prefixlen;
  __u32 address;
};

BPFMAP_LPM_TRIE(routes, struct prefix, __u64, 16);
BPFMAP_HASH(hosts, struct prefix, __u64, 16);

SEC("raw_tp/sys_enter")
int use(void* ctx) {
  struct prefix key = {32, 1};

  (void)ctx;
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap_add(&routes, &key, 1);
#else
  return bpfmap_add(&hosts, &key, 1);
#endif
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
