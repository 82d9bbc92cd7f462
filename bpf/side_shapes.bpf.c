// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Keys and values of every shape: larger than the stack, packed, volatile, literals, arrays; structs in inner maps.
#pragma clang diagnostic error "-Wshadow"
#include <linux/bpf.h>

#include "bpfmap.bpf.h"
#include "side.h"

struct keyed_histogram {
  __u64 slots[64];
  __u64 total;
};
struct __attribute__((packed)) packed_counts {
  __u8 kind;
  __u64 u64;
  __u16 u16;
  __u32 u32;
};
struct inner_key {
  __u32 a, b;
};
struct inner_value {
  __u64 packets, bytes;
};

BPFMAP_HASH(shared_histograms, __u32, struct keyed_histogram, 4);
BPFMAP_PERCPU_HASH(histograms, __u32, struct keyed_histogram, 4);
BPFMAP_PERCPU_HASH(packed, struct side_key, struct packed_counts, 4);
BPFMAP_HASH(plain, struct side_key, __u64, 4);
BPFMAP_HASH(of_volatile, __u32, volatile __u64, 4);
BPFMAP_PERCPU_ARRAY(numbers, __u64, 64);
BPFMAP_RINGBUF(ring, 4096);
BPFMAP_HASH(named, struct inner_key, struct inner_value, 4);
BPFMAP_ARRAY_OF_MAPS(array_of_hashes, 2, BPFMAP_INNER(HASH, struct inner_key, struct inner_value, 4));
BPFMAP_ARRAY_OF_MAPS(array_of_named, 2, __typeof__(named)) = {.values = {[1] = &named}};
BPFMAP_HASH_OF_MAPS(hash_of_hashes, struct inner_key, 2,
                    BPFMAP_INNER(PERCPU_HASH, struct inner_key, struct inner_value, 4));
BPFMAP_HASH_OF_MAPS(hash_of_arrays, __u32, 2, BPFMAP_INNER(ARRAY, struct inner_value, 4));
BPFMAP_HASH_OF_MAPS(hash_of_queues, __u32, 2, BPFMAP_INNER(QUEUE, struct inner_value, 4));

volatile __u32 slot = 3;
__s64 result = 0, value = 0, low = 0;
__u32 linear_slot = 0;
__u64 sum = 0, available = 0;

SEC("raw_tp/sys_enter")
int shapes_large(void* ctx) {
  __u32 key = 1, at = slot & 63;

  (void)ctx;
  result = bpfmap_add(&shared_histograms, &key, 2, slots[at]);
  result += bpfmap_add(&histograms, &key, 3, slots[at]);
  result += bpfmap_add(&histograms, &key, 1, total);
  return 0;
}

SEC("raw_tp/sys_enter")
int shapes_packed(void* ctx) {
  const volatile struct side_key key = {1, 2};

  (void)ctx;
  result = bpfmap_add(&packed, &key, 0x100000001ULL, u64);
  result += bpfmap_add(&packed, &key, 7, u16);
  result += bpfmap_add(&packed, &key, 9, u32);
  return 0;
}

SEC("raw_tp/sys_enter")
int shapes_literals(void* ctx) {
  volatile __u32 key = 1;

  (void)ctx;
  result = bpfmap_add(&plain, (&(struct side_key){1, 2}), 5);
  // Within another: -Wshadow looks at this file.
  result += bpfmap_add(&of_volatile, &key, bpfmap_add(&of_volatile, &key, 0));
  result += bpfmap_add(&of_volatile, &key, 6);
  return 0;
}

SEC("raw_tp/sys_enter")
int shapes_emit(void* ctx) {
  char name[24] = "all of an array is sent";

  (void)ctx;
  result = bpfmap_emit(&ring, name);
  result += bpfmap_emit(&ring, &(struct side_event){.number = 1, .cpu = 2});
  available = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
  return 0;
}

SEC("raw_tp/sys_enter")
int shapes_linear(void* ctx) {
  (void)ctx;
  linear_slot = bpfmap_linear_slot(value, low, 10, 10);
  return 0;
}

SEC("raw_tp/sys_enter")
int shapes_inner(void* ctx) {
  struct inner_key key = {1, 2};
  __u32 index = 1;
  __typeof__(bpfmap_inner(&array_of_named, &index)) map = bpfmap_inner(&array_of_named, &index);

  (void)ctx;
  result = map ? bpfmap_add(map, &key, 4, bytes) : -1;
  return 0;
}

// What the verifier makes of these is measured.
SEC("raw_tp/sys_enter")
int cost_sum(void* ctx) {
  __u32 key = 1;

  (void)ctx;
  sum = bpfmap_sum(&numbers, &key);
  return 0;
}

SEC("raw_tp/sys_enter")
int cost_sum_loop(void* ctx) {
  __u32 key = 1;

  (void)ctx;
  for (int i = 0; i < 64; i++) sum += bpfmap_sum(&histograms, &key, slots[i]);
  return 0;
}

SEC("raw_tp/sys_enter")
int cost_min(void* ctx) {
  __u32 key = 1;

  (void)ctx;
  sum = bpfmap_min(&histograms, &key, total);
  return 0;
}

SEC("raw_tp/sys_enter")
int cost_max_loop(void* ctx) {
  __u32 key = 1;

  (void)ctx;
  for (int i = 0; i < 64; i++) sum += bpfmap_max(&histograms, &key, slots[i]);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
