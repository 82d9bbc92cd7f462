// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Striped arrays of slots of several sizes, beside per-CPU arrays of the same: every run counts in both.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"
#include "side.h"
#include "striped.h"

BPFMAP_STRIPED_ARRAY(counts, __u64, STRIPED_ENTRIES);
BPFMAP_STRIPED_ARRAY(narrow, __u32, STRIPED_ENTRIES);
BPFMAP_STRIPED_ARRAY(parts, struct side_parts, 5);
BPFMAP_STRIPED_ARRAY(odd, struct side_odd, 3);
BPFMAP_STRIPED_ARRAY(halves, __u64, 64, BPF_F_NUMA_NODE); /* with a flag more */
BPFMAP_PERCPU_ARRAY(beside, __u64, STRIPED_ENTRIES);
BPFMAP_PERCPU_ARRAY(parts_beside, struct side_parts, 5);

__u32 place = 0;
__u64 step = 1;
__s64 result = 0;
struct striped_view view = {};

// A way through all indices, for runs in a row.
SEC("xdp")
int striped_count(struct xdp_md* ctx) {
  static __u32 next[STRIPED_CPU_IDS];
  __u32 cpu = bpf_get_smp_processor_id(), index;

  (void)ctx;
  if (cpu >= STRIPED_CPU_IDS) return 1;
  index = next[cpu];
  next[cpu] = index + 1 < STRIPED_ENTRIES ? index + 1 : 0;
  if (bpfmap_add(&counts, &index, step) || bpfmap_add(&narrow, &index, 1) || bpfmap_add(&beside, &index, step))
    return 1;
  return 0;
}

#define ADD_EACH(m, i)       \
  bpfmap_add(m, i, 5, u64);  \
  bpfmap_add(m, i, -5, s64); \
  bpfmap_add(m, i, 6, u32);  \
  bpfmap_add(m, i, -6, s32); \
  bpfmap_add(m, i, 7, u16);  \
  bpfmap_add(m, i, -7, s16); \
  bpfmap_add(m, i, 8, u8);   \
  result = bpfmap_add(m, i, -8, s8)

SEC("raw_tp/sys_enter")
int striped_add_parts(void* ctx) {
  __u32 index = place;

  (void)ctx;
  ADD_EACH(&parts_beside, &index);
  ADD_EACH(&parts, &index);
  return 0;
}

SEC("raw_tp/sys_enter")
int striped_add_odd(void* ctx) {
  __u32 index = place;
  struct side_odd* slot = bpfmap_slot(&odd, &index);

  (void)ctx;
  result = slot ? ++slot->numbers[10] : -1;
  return 0;
}

SEC("raw_tp/sys_enter")
int striped_get_or_init(void* ctx) {
  __u64 initial = 100;
  __u32 index = place;
  __u64* slot = bpfmap_get_or_init(&counts, &index, &initial);

  (void)ctx;
  result = slot ? (__s64)++ * slot : -1;
  return 0;
}

/* One number in two halves that are always the same: a reader that sees others has seen half a write. */
SEC("xdp")
int striped_add_to_halves(struct xdp_md* ctx) {
  __u32 index = 0;

  (void)ctx;
  return (int)bpfmap_add(&halves, &index, 0x100000001ULL);
}

BPFMAP_REDUCER(as_digits, __u64* digits, const __u64* slot) { *digits = *digits * 1000 + *slot; }

SEC("raw_tp/sys_enter")
int striped_read(void* ctx) {
  __u32 index = place;
  __u64* slot = bpfmap_slot(&counts, &index);

  (void)ctx;
  view.own = slot ? *slot : ~0ULL;
  view.sum = bpfmap_sum(&counts, &index);
  view.least = bpfmap_min(&counts, &index);
  view.most = bpfmap_max(&counts, &index);
  view.in_order = 0;
  view.slots = bpfmap_reduce(&counts, &index, as_digits, &view.in_order);
  view.small = bpfmap_sum(&parts, &index, s8);
  view.size = bpfmap_size(&counts);
  return 0;
}

// What additions cost: these differ in the map only.
#define ADD_MANY(m)                                      \
  do {                                                   \
    __u32 index = place;                                 \
    for (int i = 0; i < STRIPED_ADDITIONS; i++, index++) \
      if (bpfmap_add(m, &index, step)) return 1;         \
  } while (0)
SEC("xdp")
int striped_price(struct xdp_md* ctx) {
  (void)ctx;
  ADD_MANY(&counts);
  return 0;
}
SEC("xdp")
int striped_price_beside(struct xdp_md* ctx) {
  (void)ctx;
  ADD_MANY(&beside);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
