// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Writes to maps of every kind that bpfmap.bpf.h has a function for.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"
#include "side.h"

BPFMAP_HASH(shared, struct side_key, struct side_parts, 2);
BPFMAP_LRU_HASH(lru, struct side_key, struct side_parts, 64);
BPFMAP_PERCPU_HASH(percpu, struct side_key, struct side_parts, 2);
BPFMAP_ARRAY(cells, struct side_parts, 4);
BPFMAP_PERCPU_ARRAY(percpu_cells, struct side_parts, 4);
BPFMAP_QUEUE(queue, struct side_event, 2);
BPFMAP_STACK(stack, struct side_event, 2);
BPFMAP_BLOOM_FILTER(filter, __u64, 100, 3);
BPFMAP_RINGBUF(ring, 4096);
BPFMAP_PERF_EVENT_ARRAY(perf);
BPFMAP_HASH(inner, __u32, __u64, 8);
BPFMAP_ARRAY_OF_MAPS(outer, 4, __typeof__(inner)) = {.values = {[2] = &inner}};
BPFMAP_PERCPU_ARRAY(by_log2, __u64, BPFMAP_LOG2_SLOTS);
BPFMAP_ARRAY(by_tens, __u64, BPFMAP_LINEAR_SLOTS(10));

struct side_key key = {1, 2};
__u32 place = 1;
__u64 number = 0;
__s64 result = 0;
__u64 push_flags = 0;
struct side_parts initial = {.u64 = 100}, found = {};
__u32 log2_slot = 0, linear_slot = 0;

SEC("raw_tp/sys_enter")
int side_add_shared(void* ctx) {
  struct side_key k = key;
  __u32 i = place;

  (void)ctx;
  result = bpfmap_add(&shared, &k, 5, u64);
  bpfmap_add(&shared, &k, -5, s64);
  bpfmap_add(&shared, &k, 6, u32);
  bpfmap_add(&shared, &k, -6, s32);
  bpfmap_add(&lru, &k, 5, u64);
  bpfmap_add(&cells, &i, 5, u64);
  bpfmap_add(&cells, &i, -6, s32);
  return 0;
}

#define ADD_EACH(m, k)       \
  bpfmap_add(m, k, 5, u64);  \
  bpfmap_add(m, k, -5, s64); \
  bpfmap_add(m, k, 6, u32);  \
  bpfmap_add(m, k, -6, s32); \
  bpfmap_add(m, k, 7, u16);  \
  bpfmap_add(m, k, -7, s16); \
  bpfmap_add(m, k, 8, u8);   \
  result = bpfmap_add(m, k, -8, s8)

SEC("raw_tp/sys_enter")
int side_add_percpu(void* ctx) {
  struct side_key k = key;
  __u32 i = place;

  (void)ctx;
  ADD_EACH(&percpu_cells, &i);
  ADD_EACH(&percpu, &k);
  return 0;
}

// Each argument is evaluated once, whatever a macro does with it.
SEC("raw_tp/sys_enter")
int side_add_once(void* ctx) {
  struct side_key keys[2] = {key, {9, 9}};
  struct side_key* k = keys;
  __u64 n = 1;

  (void)ctx;
  result = bpfmap_add(&shared, k++, n++, u64);
  number = (k - keys) * 10 + n;
  return 0;
}

SEC("raw_tp/sys_enter")
int side_add_to_cell(void* ctx) {
  __u32 i = place;

  (void)ctx;
  result = bpfmap_add(&cells, &i, 1, u64);
  return 0;
}

#define KEEP(value)                    \
  ({                                   \
    struct side_parts* one = value;    \
    result = one ? 0 : -1;             \
    if (one) one->u64++, found = *one; \
  })

SEC("raw_tp/sys_enter")
int side_get_shared(void* ctx) {
  struct side_key k = key;

  (void)ctx;
  KEEP(bpfmap_get_or_init(&shared, &k, &initial));
  return 0;
}

SEC("raw_tp/sys_enter")
int side_get_percpu(void* ctx) {
  struct side_key k = key;

  (void)ctx;
  KEEP(bpfmap_get_or_init(&percpu, &k, &initial));
  return 0;
}

SEC("raw_tp/sys_enter")
int side_get_cell(void* ctx) {
  __u32 i = place;

  (void)ctx;
  KEEP(bpfmap_get_or_init(&cells, &i, &initial));
  return 0;
}

static __always_inline struct side_event next_event(void) {
  return (struct side_event){.number = number, .cpu = bpf_get_smp_processor_id(), .check = 0xb9f};
}

SEC("raw_tp/sys_enter")
int side_push(void* ctx) {
  struct side_event event = next_event();

  (void)ctx;
  result = bpfmap_push(&queue, &event);
  bpfmap_push(&stack, &event);
  return 0;
}

// Alone, because filters are newer than all else here.
SEC("raw_tp/sys_enter")
int side_push_to_filter(void* ctx) {
  (void)ctx;
  result = bpfmap_push(&filter, &number);
  return 0;
}

SEC("raw_tp/sys_enter")
int side_push_over_the_oldest(void* ctx) {
  struct side_event event = next_event();

  (void)ctx;
  result = bpfmap_push(&queue, &event, BPF_EXIST);
  bpfmap_push(&stack, &event, BPF_EXIST);
  return 0;
}

SEC("raw_tp/sys_enter")
int side_emit(void* ctx) {
  struct side_event event = next_event();

  (void)ctx;
  result = bpfmap_emit(&ring, &event);
  return 0;
}

SEC("raw_tp/sys_enter")
int side_emit_perf(void* ctx) {
  struct side_event event = next_event();

  result = bpfmap_emit_perf(ctx, &perf, &event);
  return 0;
}

SEC("raw_tp/sys_enter")
int side_add_to_inner(void* ctx) {
  __u32 i = place, k = 3;
  __typeof__(bpfmap_inner(&outer, &i)) map = bpfmap_inner(&outer, &i);

  (void)ctx;
  result = map ? bpfmap_add(map, &k, 1) : -1;
  return 0;
}

SEC("raw_tp/sys_enter")
int side_histograms(void* ctx) {
  (void)ctx;
  log2_slot = bpfmap_log2_slot(number);
  linear_slot = bpfmap_linear_slot(number, 100, 10, 10);

  __u32 slot = bpfmap_log2_slot(number);
  bpfmap_add(&by_log2, &slot, 1);
  slot = bpfmap_linear_slot(number, 100, 10, 10);
  bpfmap_add(&by_tens, &slot, 1);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
