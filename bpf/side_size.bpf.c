// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Asks maps for their sizes. side_size_walk.bpf.c is the same without the kernel's counter.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"

struct prefix {
  __u32 length;
  __u32 address;
};

BPFMAP_HASH(hash, __u32, __u64, 131072);
BPFMAP_HASH(sparse_hash, __u32, __u64, 1000, BPF_F_NO_PREALLOC);
BPFMAP_LRU_HASH(lru_hash, __u32, __u64, 1000);
BPFMAP_PERCPU_HASH(percpu_hash, __u32, __u64, 1000);
BPFMAP_LRU_PERCPU_HASH(lru_percpu_hash, __u32, __u64, 1000);
BPFMAP_LPM_TRIE(lpm_trie, struct prefix, __u64, 1000);
BPFMAP_HASH_OF_MAPS(hash_of_maps, __u32, 1000, BPFMAP_INNER(ARRAY, __u64, 1));
BPFMAP_SOCKHASH(sockhash, __u32, 100);
BPFMAP_DEVMAP_HASH(devmap_hash, 100);
BPFMAP_QUEUE(queue, __u64, 100);
BPFMAP_STACK(stack, __u64, 100);
BPFMAP_ARRAY(array, __u64, 77);
BPFMAP_PERCPU_ARRAY(percpu_array, __u64, 5);

__s64 hash_size = -1, sparse_hash_size = -1, lru_hash_size = -1, percpu_hash_size = -1, lru_percpu_hash_size = -1;
__s64 lpm_trie_size = -1, hash_of_maps_size = -1, sockhash_size = -1, devmap_hash_size = -1;
__s64 queue_size = -1, stack_size = -1, array_size = -1, percpu_array_size = -1;

#define ASK(name) name##_size = bpfmap_size(&name)

// Alone, because its run time is measured.
SEC("raw_tp/sys_enter")
int side_size_hash(void* ctx) {
  (void)ctx;
  ASK(hash);
  return 0;
}

SEC("raw_tp/sys_enter")
int side_size(void* ctx) {
  (void)ctx;
  ASK(hash);
  ASK(sparse_hash);
  ASK(lru_hash);
  ASK(percpu_hash);
  ASK(lru_percpu_hash);
  ASK(lpm_trie);
  ASK(hash_of_maps);
  ASK(sockhash);
  ASK(devmap_hash);
  ASK(queue);
  ASK(stack);
  ASK(array);
  ASK(percpu_array);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
