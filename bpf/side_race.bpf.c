// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Adds as fast as it can, on several CPUs at once, to elements that are there and to some that are just being made.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"

#define KEYS 65536

BPFMAP_HASH(shared_hash, __u32, __u64, 16);
BPFMAP_ARRAY(shared_array, __u64, 16);
BPFMAP_PERCPU_HASH(percpu_hash, __u32, __u64, 16);
BPFMAP_PERCPU_ARRAY(percpu_array, __u64, 16);
BPFMAP_HASH(made_hash, __u32, __u64, KEYS);
BPFMAP_HASH(made_sparse_hash, __u32, __u64, KEYS, BPF_F_NO_PREALLOC);
BPFMAP_PERCPU_HASH(made_percpu_hash, __u32, __u64, KEYS);
BPFMAP_HASH(made_naively, __u32, __u64, KEYS);

__u32 additions = 0;  // of one run, 8 million at most: the limit of bpf_loop
__u64 failed = 0;

// So few keys that the CPUs meet at each of them.
#define ADD_TO(map)                                                       \
  static long add_to_##map(__u32 i, void* unused) {                       \
    __u32 key = i % 16;                                                   \
    (void)unused;                                                         \
    if (bpfmap_add(&map, &key, 1) != 0) __sync_fetch_and_add(&failed, 1); \
    return 0;                                                             \
  }                                                                       \
  SEC("raw_tp/sys_enter")                                                 \
  int side_##map(void* ctx) {                                             \
    (void)ctx;                                                            \
    bpf_loop(additions, add_to_##map, NULL, 0);                           \
    return 0;                                                             \
  }
ADD_TO(shared_hash)
ADD_TO(shared_array)
ADD_TO(percpu_hash)
ADD_TO(percpu_array)

// For each key the CPUs wait for each other, so that both find the element absent at the same moment. The wait has
// an end: while one CPU stands still, they do not race.
volatile __u64 arrived = 0;

static long wait(__u32 i, const __u64* all) {
  (void)i;
  return arrived >= *all;
}
static __always_inline void meet(__u32 i) {
  __u64 all = 2 * ((__u64)i + 1);
  __sync_fetch_and_add(&arrived, 1);
  bpf_loop(2000, wait, &all, 0);
}

#define MAKE_IN(map, add)                                                  \
  static long make_in_##map(__u32 i, void* unused) {                       \
    (void)unused;                                                          \
    meet(i);                                                               \
    if (add(&map, &i, 1) != 0) __sync_fetch_and_add(&failed, 1);           \
    return 0;                                                              \
  }                                                                        \
  SEC("raw_tp/sys_enter")                                                  \
  int side_##map(void* ctx) {                                              \
    (void)ctx;                                                             \
    bpf_loop(additions < KEYS ? additions : KEYS, make_in_##map, NULL, 0); \
    return 0;                                                              \
  }
MAKE_IN(made_hash, bpfmap_add)
MAKE_IN(made_sparse_hash, bpfmap_add)
MAKE_IN(made_percpu_hash, bpfmap_add)

// What is often written instead of bpfmap_add, and loses what others counted before the update: without it, no test
// would know that the CPUs do race.
static __always_inline long add_naively(void* map, const __u32* key, __u64 n) {
  __u64* value = bpf_map_lookup_elem(map, key);

  if (!value) return bpf_map_update_elem(map, key, &n, BPF_ANY);
  __sync_fetch_and_add(value, n);
  return 0;
}
MAKE_IN(made_naively, add_naively)

char LICENSE[] SEC("license") = "Dual MIT/GPL";
