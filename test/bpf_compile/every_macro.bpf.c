// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Every macro and function of bpfmap.bpf.h, in each form that it has: must compile without a warning, and load.
#ifdef WITH_VMLINUX
#include "vmlinux.h"
#else
#include <linux/bpf.h>
#endif

#include <bpfmap.bpf.h>

struct prefix {
  __u32 prefixlen;
  __u8 address[4];
};
struct tuple {
  __u32 address;
  __u32 port;
};
struct inner_part {
  __u32 narrow;
  __s64 wide;
};
struct stats {
  __u64 packets;
  struct inner_part nested;
  __s16 small;
};
struct event {
  __u64 number;
};

// ---- each declaration, alone and with flags ----

BPFMAP_HASH(hash, struct tuple, struct stats, 16);
BPFMAP_HASH(hash_flags, __u32, __u64, 16, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
BPFMAP_PERCPU_HASH(percpu_hash, struct tuple, struct stats, 16);
BPFMAP_PERCPU_HASH(percpu_hash_flags, __u32, __u64, 16, BPF_F_NO_PREALLOC);
BPFMAP_LRU_HASH(lru_hash, __u32, __u64, 16);
BPFMAP_LRU_HASH(lru_hash_flags, __u32, __u64, 16, BPF_F_NO_COMMON_LRU);
BPFMAP_LRU_PERCPU_HASH(lru_percpu_hash, __u32, __u64, 16);
BPFMAP_LRU_PERCPU_HASH(lru_percpu_hash_flags, __u32, __u64, 16, BPF_F_NO_COMMON_LRU);
BPFMAP_ARRAY(array, struct stats, 16);
BPFMAP_ARRAY(array_flags, __u64, 16, BPF_F_RDONLY_PROG);
BPFMAP_ARRAY_MMAPABLE(array_mmapable, __u64, 512);
BPFMAP_ARRAY_MMAPABLE(array_mmapable_flags, __u64, 512, BPF_F_RDONLY_PROG);
BPFMAP_PERCPU_ARRAY(percpu_array, struct stats, 16);
BPFMAP_PERCPU_ARRAY(percpu_array_flags, __u64, 16, BPF_F_RDONLY_PROG);
BPFMAP_STRIPED_ARRAY(striped, struct stats, 15);
BPFMAP_STRIPED_ARRAY(striped_flags, __u64, 16, BPF_F_NUMA_NODE);
BPFMAP_LPM_TRIE(lpm_trie, struct prefix, __u64, 16);
BPFMAP_LPM_TRIE(lpm_trie_flags, struct prefix, __u64, 16, BPF_F_RDONLY_PROG);
BPFMAP_QUEUE(queue, struct event, 16);
BPFMAP_QUEUE(queue_flags, struct event, 16, BPF_F_WRONLY_PROG);
BPFMAP_STACK(stack, struct event, 16);
BPFMAP_STACK(stack_flags, struct event, 16, BPF_F_WRONLY_PROG);
BPFMAP_BLOOM_FILTER(bloom_filter, __u64, 100, 3);
BPFMAP_BLOOM_FILTER(bloom_filter_flags, __u64, 100, 0, BPF_F_ZERO_SEED);
BPFMAP_PERF_EVENT_ARRAY(perf_events);
BPFMAP_PERF_EVENT_ARRAY(perf_events_flags, BPF_F_PRESERVE_ELEMS);
BPFMAP_RINGBUF(ringbuf, 4096);
BPFMAP_RINGBUF(ringbuf_flags, 5000, 0);
BPFMAP_USER_RINGBUF(user_ringbuf, 4096);
BPFMAP_ARRAY_OF_MAPS(array_of_maps, 4, __typeof__(lru_hash)) = {.values = {[1] = &lru_hash}};
BPFMAP_ARRAY_OF_MAPS(array_of_maps_flags, 4, BPFMAP_INNER(ARRAY, __u64, 2), BPF_F_RDONLY);
BPFMAP_HASH_OF_MAPS(hash_of_maps, struct tuple, 4, BPFMAP_INNER(HASH, __u32, __u64, 8));
BPFMAP_HASH_OF_MAPS(hash_of_maps_flags, __u32, 4, BPFMAP_INNER(RINGBUF, 4096), BPF_F_NO_PREALLOC);
int called(void* ctx);
BPFMAP_PROG_ARRAY(prog_array, 4) = {.values = {[2] = (void*)&called}};
BPFMAP_CGROUP_ARRAY(cgroup_array, 4);
BPFMAP_DEVMAP(devmap, 4);
BPFMAP_DEVMAP_HASH(devmap_hash, 4);
BPFMAP_CPUMAP(cpumap, 1);
BPFMAP_XSKMAP(xskmap, 4);
BPFMAP_SOCKMAP(sockmap, 4);
BPFMAP_SOCKHASH(sockhash, struct tuple, 4);
BPFMAP_REUSEPORT_SOCKARRAY(reuseport, 4);
BPFMAP_STACK_TRACE(stack_trace, 16, 8);
BPFMAP_STACK_BUILD_ID(stack_build_id, 16, 8);
BPFMAP_SK_STORAGE(sk_storage, struct stats);
BPFMAP_SK_STORAGE(sk_storage_flags, struct stats, BPF_F_CLONE);
BPFMAP_INODE_STORAGE(inode_storage, __u64);
BPFMAP_TASK_STORAGE(task_storage, __u64);
BPFMAP_CGRP_STORAGE(cgrp_storage, __u64);
BPFMAP_CGROUP_STORAGE(cgroup_storage, struct bpf_cgroup_storage_key, __u64);
BPFMAP_PERCPU_CGROUP_STORAGE(percpu_cgroup_storage, __u64, __u64);
BPFMAP_ARENA(arena, 4);
BPFMAP_PERCPU_ARRAY(by_log2, __u64, BPFMAP_LOG2_SLOTS);
BPFMAP_ARRAY(by_hundreds, __u64, BPFMAP_LINEAR_SLOTS(15));

// A map declared in libbpf's own form, which the functions take as well.
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u64);
} raw SEC(".maps");

__s64 sizes = 0, numbers = 0, errors = 0;

SEC("raw_tp/sys_enter")
int called(void* ctx) {
  (void)ctx;
  return 0;
}

SEC("raw_tp/sys_enter")
int sizes_of(void* ctx) {
  (void)ctx;
  sizes += bpfmap_size(&hash) + bpfmap_size(&percpu_hash) + bpfmap_size(&lru_hash) + bpfmap_size(&lru_percpu_hash);
  sizes += bpfmap_size(&lpm_trie) + bpfmap_size(&sockhash) + bpfmap_size(&devmap_hash);
  sizes += bpfmap_size(&queue) + bpfmap_size(&stack);
  sizes += bpfmap_size(&array) + bpfmap_size(&percpu_array) + bpfmap_size(&raw);
  sizes += bpfmap_size(&hash_of_maps) + bpfmap_size(&striped);
  return 0;
}

BPFMAP_REDUCER(largest, struct stats* most, const struct stats* slot) {
  if (slot->packets > most->packets) *most = *slot;
}

SEC("raw_tp/sys_enter")
int reduces(void* ctx) {
  struct tuple key = {1, 2};
  struct stats most = {};
  __u32 index = 1;

  (void)ctx;
  numbers += bpfmap_sum(&percpu_hash, &key, packets) + bpfmap_sum(&percpu_hash, &key, nested.wide);
  numbers += bpfmap_min(&percpu_hash, &key, nested.narrow) + bpfmap_max(&percpu_array, &index, small);
  numbers += bpfmap_sum(&lru_percpu_hash, &index) + bpfmap_min(&lru_percpu_hash, &index);
  numbers += bpfmap_max(&raw, &index) + bpfmap_sum(&percpu_array, &index, small);
  numbers += bpfmap_reduce(&percpu_hash, &key, largest, &most);
  numbers += bpfmap_sum(&striped, &index, nested.wide) + bpfmap_min(&striped_flags, &index);
  numbers += bpfmap_max(&striped, &index, small) + bpfmap_reduce(&striped, &index, largest, &most);
  numbers += most.packets;
  return 0;
}

SEC("raw_tp/sys_enter")
int writes(void* ctx) {
  struct tuple key = {1, 2};
  struct stats initial = {.packets = 1};
  struct event event = {1};
  struct stats* found;
  __u64 number = 1;
  __u32 index = 1;
  int small = -1;

  errors += bpfmap_add(&hash, &key, small, nested.wide) + bpfmap_add(&hash, &key, 1, nested.narrow);
  errors += bpfmap_add(&percpu_hash, &key, 1ULL, small) + bpfmap_add(&array, &index, 1, packets);
  errors += bpfmap_add(&lru_hash, &index, 1) + bpfmap_add(&lru_percpu_hash, &index, 1);
  errors += bpfmap_add(&array_mmapable, &index, 1) + bpfmap_add(&percpu_array, &index, -1, small);
  errors += bpfmap_add(&raw, &index, 1);
  errors += bpfmap_add(&striped, &index, 1, nested.narrow) + bpfmap_add(&striped, &index, -1, small);
  found = bpfmap_get_or_init(&hash, &key, &initial);
  if (found) found->packets++;
  found = bpfmap_get_or_init(&percpu_array, &index, &initial);
  if (found) found->packets++;
  found = bpfmap_get_or_init(&striped, &index, &initial);
  if (found) found->packets++;
  found = bpfmap_slot(&percpu_hash, &key);
  if (found) found->packets++;
  found = bpfmap_slot(&striped, &index);
  if (found) found->packets++;
  errors += bpfmap_push(&queue, &event) + bpfmap_push(&stack, &event, BPF_EXIST) + bpfmap_push(&bloom_filter, &number);
  errors += bpfmap_emit(&ringbuf, &event) + bpfmap_emit_perf(ctx, &perf_events, &event);
  return 0;
}

SEC("raw_tp/sys_enter")
int reads_inner_maps(void* ctx) {
  __typeof__(bpfmap_inner(&hash_of_maps, (struct tuple*)0)) by_tuple;
  __typeof__(bpfmap_inner(&array_of_maps, (__u32*)0)) by_index;
  struct tuple key = {1, 2};
  __u32 index = 1;

  (void)ctx;
  by_tuple = bpfmap_inner(&hash_of_maps, &key);
  if (by_tuple) errors += bpfmap_add(by_tuple, &index, 1);
  by_index = bpfmap_inner(&array_of_maps, &index);
  if (by_index) sizes += bpfmap_size(by_index);
  return 0;
}

SEC("raw_tp/sys_enter")
int fills_histograms(void* ctx) {
  __u64 now = bpf_ktime_get_ns();
  __u32 slot = bpfmap_log2_slot(now);

  (void)ctx;
  errors += bpfmap_add(&by_log2, &slot, 1);
  slot = bpfmap_linear_slot(now, 1000, 100, 15);
  errors += bpfmap_add(&by_hundreds, &slot, 1);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
