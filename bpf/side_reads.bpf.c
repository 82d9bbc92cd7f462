// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Reads per-CPU elements: all CPUs' slots by bpfmap.bpf.h, and beside them the one that a plain lookup gives.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"
#include "side.h"

BPFMAP_PERCPU_HASH(hits, __u32, __u64, 16);
BPFMAP_LRU_PERCPU_HASH(lru_hits, __u32, __u64, 16);
BPFMAP_PERCPU_ARRAY(array_hits, __u64, 16);
BPFMAP_PERCPU_ARRAY(odd_size, struct side_odd, 1);
BPFMAP_PERCPU_HASH(parts, struct side_key, struct side_parts, 16);

const volatile struct side_layout layout = {
    .key = sizeof(struct side_key),
    .key_member = __builtin_offsetof(struct side_key, member),
    .parts = sizeof(struct side_parts),
    .parts_s64 = __builtin_offsetof(struct side_parts, s64),
    .parts_u32 = __builtin_offsetof(struct side_parts, u32),
    .parts_s32 = __builtin_offsetof(struct side_parts, s32),
    .parts_u16 = __builtin_offsetof(struct side_parts, u16),
    .parts_s16 = __builtin_offsetof(struct side_parts, s16),
    .parts_u8 = __builtin_offsetof(struct side_parts, u8),
    .parts_s8 = __builtin_offsetof(struct side_parts, s8),
    .view = sizeof(struct side_view),
    .view_in_order = __builtin_offsetof(struct side_view, in_order),
    .view_cpu = __builtin_offsetof(struct side_view, cpu),
    .event = sizeof(struct side_event),
    .event_check = __builtin_offsetof(struct side_event, check),
};

__u32 wanted = 7;
struct side_key wanted_key = {1, 2};
struct side_view seen = {}, seen_lru = {}, seen_array = {};
struct side_reduced sums = {}, least = {}, most = {};
__u64 odd_sum = 0, odd_least = 0, odd_most = 0;
__u64 lowest_of_touched = 0;
__u32 touched = 0;

SEC("raw_tp/sys_enter")
int side_count(void* ctx) {
  __u32 key = wanted;

  (void)ctx;
  bpfmap_add(&hits, &key, 1);
  bpfmap_add(&lru_hits, &key, 1);
  bpfmap_add(&array_hits, &key, 1);
  return 0;
}

BPFMAP_REDUCER(in_order, __u64* digits, const __u64* slot) { *digits = *digits * 1000 + *slot; }

// The lookup is what bpfmap_sum is there to replace: the tests show the difference.
#define LOOK_AT(m, k, into)                                 \
  ({                                                        \
    __u64 digits = 0;                                       \
    __u64* naive = bpf_map_lookup_elem(m, k);               \
    (into)->naive = naive ? *naive : 0;                     \
    (into)->sum = bpfmap_sum(m, k);                         \
    (into)->least = bpfmap_min(m, k);                       \
    (into)->most = bpfmap_max(m, k);                        \
    (into)->slots = bpfmap_reduce(m, k, in_order, &digits); \
    (into)->in_order = digits;                              \
    (into)->cpu = bpf_get_smp_processor_id();               \
  })

SEC("raw_tp/sys_enter")
int side_read(void* ctx) {
  __u32 key = wanted;

  (void)ctx;
  LOOK_AT(&hits, &key, &seen);
  LOOK_AT(&lru_hits, &key, &seen_lru);
  LOOK_AT(&array_hits, &key, &seen_array);
  return 0;
}

#define REDUCE_ALL(op, into)                    \
  (into)->u64 = bpfmap_##op(&parts, &key, u64); \
  (into)->s64 = bpfmap_##op(&parts, &key, s64); \
  (into)->u32 = bpfmap_##op(&parts, &key, u32); \
  (into)->s32 = bpfmap_##op(&parts, &key, s32); \
  (into)->u16 = bpfmap_##op(&parts, &key, u16); \
  (into)->s16 = bpfmap_##op(&parts, &key, s16); \
  (into)->u8 = bpfmap_##op(&parts, &key, u8);   \
  (into)->s8 = bpfmap_##op(&parts, &key, s8)

SEC("raw_tp/sys_enter")
int side_read_parts(void* ctx) {
  struct side_key key = wanted_key;

  (void)ctx;
  REDUCE_ALL(sum, &sums);
  REDUCE_ALL(min, &least);
  REDUCE_ALL(max, &most);
  return 0;
}

SEC("raw_tp/sys_enter")
int side_read_odd(void* ctx) {
  __u32 key = 0;

  (void)ctx;
  odd_sum = bpfmap_sum(&odd_size, &key, numbers[10]);
  odd_least = bpfmap_min(&odd_size, &key, numbers[0]);
  odd_most = bpfmap_max(&odd_size, &key, numbers[10]);
  return 0;
}

// CPUs that never wrote have slots of zeros; another member tells which those are.
BPFMAP_REDUCER(lowest, __u64* low, const struct side_parts* slot) {
  if (slot->u8 && slot->u64 < *low) *low = slot->u64;
}
BPFMAP_REDUCER(count_touched, __u32* number, const struct side_parts* slot) { *number += slot->u8 != 0; }

SEC("raw_tp/sys_enter")
int side_reduce_parts(void* ctx) {
  struct side_key key = wanted_key;
  __u64 low = ~0ULL;

  (void)ctx;
  bpfmap_reduce(&parts, &key, lowest, &low);
  lowest_of_touched = low;
  touched = 0;
  // Not all accumulators are on the stack.
  bpfmap_reduce(&parts, &key, count_touched, &touched);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
