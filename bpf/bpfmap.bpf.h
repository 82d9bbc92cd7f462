/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef BPFMAP_BPF_H
#define BPFMAP_BPF_H

/*
 * The BPF side of bpfmap: maps declared in one line, and the C++ side's rules inside BPF programs.
 * docs/semantics.md has both sides in one table.
 *
 *   #include <linux/bpf.h>                                    // or "vmlinux.h"
 *   #include <bpfmap.bpf.h>
 *   BPFMAP_PERCPU_HASH(hits, __u32, __u64, 1024);
 *   SEC("xdp") int count(struct xdp_md *ctx) {
 *     __u32 queue = ctx->rx_queue_index;
 *     bpfmap_add(&hits, &queue, 1);                                      // this CPU's slot
 *     return bpfmap_sum(&hits, &queue) > 1000 ? XDP_DROP : XDP_PASS;     // every CPU's slot
 *   }
 *   char LICENSE[] SEC("license") = "Dual MIT/GPL";
 *
 * Compiler: clang >= 14, -target bpf -O2 -g, -std=gnu11 or later (libbpf's macros are GNU C).
 * Options, defined before the include:
 *   BPFMAP_NO_KFUNC              bpfmap_size calls no kfunc: those are for GPL-compatible programs
 *   BPFMAP_DEFINE_STRUCT_BPF_MAP 1: define struct bpf_map here; 0: it is defined already (the
 *                                default is 0 with vmlinux.h, else 1)
 *
 * Rules of all functions below:
 * - Type, key and value are read from the map's declaration at compile time: wrong use does not
 *   compile. Maps declared in libbpf's own form, and typed pointers to inner maps, work as well.
 * - Keys and values have the declared type, or are integers of its size. Arguments are evaluated
 *   once. Errors are negative errno values.
 * - "Linux 5.13" is the first kernel that accepts the map or the program.
 */

#include <bpf/bpf_helpers.h>

/* The kernel's numbers, written out: headers of older kernels lack the newer ones. */
/* clang-format off */
enum bpfmap__kind {
  BPFMAP__HASH = 1, BPFMAP__ARRAY, BPFMAP__PROG_ARRAY, BPFMAP__PERF_EVENT_ARRAY, BPFMAP__PERCPU_HASH,
  BPFMAP__PERCPU_ARRAY, BPFMAP__STACK_TRACE, BPFMAP__CGROUP_ARRAY, BPFMAP__LRU_HASH,
  BPFMAP__LRU_PERCPU_HASH = 10, BPFMAP__LPM_TRIE, BPFMAP__ARRAY_OF_MAPS, BPFMAP__HASH_OF_MAPS,
  BPFMAP__DEVMAP, BPFMAP__SOCKMAP, BPFMAP__CPUMAP, BPFMAP__XSKMAP, BPFMAP__SOCKHASH,
  BPFMAP__CGROUP_STORAGE, BPFMAP__REUSEPORT_SOCKARRAY = 20, BPFMAP__PERCPU_CGROUP_STORAGE,
  BPFMAP__QUEUE, BPFMAP__STACK, BPFMAP__SK_STORAGE, BPFMAP__DEVMAP_HASH, BPFMAP__RINGBUF = 27,
  BPFMAP__INODE_STORAGE, BPFMAP__TASK_STORAGE, BPFMAP__BLOOM_FILTER = 30, BPFMAP__USER_RINGBUF,
  BPFMAP__CGRP_STORAGE, BPFMAP__ARENA,
};
/* vmlinux.h has no macros: no errno, and not every flag. */
enum { BPFMAP__E2BIG = 7, BPFMAP__EAGAIN = 11, BPFMAP__EEXIST = 17, BPFMAP__EOPNOTSUPP = 95 };
enum { BPFMAP__NO_PREALLOC = 1, BPFMAP__BUILD_ID = 32, BPFMAP__MMAPABLE = 1024 };

/* ---- Declarations -------------------------------------------------------------------------------
 *
 * Each declares one map at file scope. `...` may be one expression of BPF_F_* flags:
 *   BPFMAP_HASH(flows, struct flow, struct stats, 65536, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
 * K: key type, V: value type, n: max_entries. What a type does not let you choose is filled in (an
 * array's key, a trie's BPF_F_NO_PREALLOC). The loader may change sizes, pins and map_extra.
 */

#define BPFMAP__FLAGS(...) (0 __VA_OPT__(| (__VA_ARGS__)))
/* Without a name a declaration is a bare type: what BPFMAP_INNER needs. */
#define BPFMAP__NAME(...) __VA_OPT__(__VA_ARGS__ SEC(".maps"))
#define BPFMAP__MAP(name, KIND, n, fixed, fields, ...) \
  struct { \
    __uint(type, BPFMAP__##KIND); \
    __uint(max_entries, n); \
    __uint(map_flags, fixed | BPFMAP__FLAGS(__VA_ARGS__)); \
    fields \
  } BPFMAP__NAME(name)
#define BPFMAP__KV(name, KIND, n, fixed, K, V, ...) \
  BPFMAP__MAP(name, KIND, n, fixed, __type(key, K); __type(value, V);, __VA_ARGS__)
#define BPFMAP__KVS(name, KIND, n, K, V, T, ...) \
  BPFMAP__MAP(name, KIND, n, 0, __type(key, K); __type(value, V); __array(values, T);, __VA_ARGS__)

/* Key to value. Linux 3.19; PERCPU (a value for each CPU) 4.6; LRU (evicts when nearly full) 4.10.
 * Pads of K are part of the key: zero them. A preallocated element may serve another key as soon as
 * it is deleted, while a program still holds its address; with BPF_F_NO_PREALLOC it may not. */
#define BPFMAP_HASH(name, K, V, n, ...) BPFMAP__KV(name, HASH, n, 0, K, V, __VA_ARGS__)
#define BPFMAP_PERCPU_HASH(name, K, V, n, ...) BPFMAP__KV(name, PERCPU_HASH, n, 0, K, V, __VA_ARGS__)
#define BPFMAP_LRU_HASH(name, K, V, n, ...) BPFMAP__KV(name, LRU_HASH, n, 0, K, V, __VA_ARGS__)
#define BPFMAP_LRU_PERCPU_HASH(name, K, V, n, ...) BPFMAP__KV(name, LRU_PERCPU_HASH, n, 0, K, V, __VA_ARGS__)

/* n values under the keys (__u32)0 to n-1. Linux 3.19; PERCPU 4.6; MMAPABLE, which user space maps
 * into its memory, 5.5. There elements are 8 bytes apart or a multiple: sizeof(V) % 8 == 0 gives
 * user space a plain span. Example: BPFMAP_ARRAY_MMAPABLE(table, __u64, 512); */
#define BPFMAP_ARRAY(name, V, n, ...) BPFMAP__KV(name, ARRAY, n, 0, __u32, V, __VA_ARGS__)
#define BPFMAP_ARRAY_MMAPABLE(name, V, n, ...) BPFMAP__KV(name, ARRAY, n, BPFMAP__MMAPABLE, __u32, V, __VA_ARGS__)
#define BPFMAP_PERCPU_ARRAY(name, V, n, ...) BPFMAP__KV(name, PERCPU_ARRAY, n, 0, __u32, V, __VA_ARGS__)

/* n slots (type V) for each CPU in an array that user space maps into its memory: written at the
 * price of a PERCPU_ARRAY and 0.5 ns, read by C++'s striped_array without a system call. Linux 5.5. CPU c has
 * elements c * stride to c * stride + n-1; no two CPUs share a cache line of 64 bytes. How many CPUs
 * there are the loader knows: object::load() of bpfmap sizes the map, of skeletons and libbpf
 * bpfmap::fit_to_machine(skeleton->obj), before they load; else the kernel refuses it (EINVAL). n is
 * compiled in: the loader may not change it. Only the functions here know the layout.
 * Example: BPFMAP_STRIPED_ARRAY(drops, struct counters, 1024); */
#define BPFMAP_STRIPED_ARRAY(name, V, n, ...) \
  struct { \
    BPFMAP__REQUIRE(sizeof(#name) > 1, "a striped array is no inner map: the loader sizes only maps of their own"); \
    int (*type)[BPFMAP__ARRAY][n]; /* for libbpf and the kernel an ARRAY; n is for us */ \
    __uint(max_entries, 0); \
    __uint(map_flags, BPFMAP__MMAPABLE | BPFMAP__FLAGS(__VA_ARGS__)); \
    __type(key, __u32); \
    __type(value, V); \
  } BPFMAP__NAME(name)

/* Longest prefix match; K is { __u32 prefixlen; the address, big-endian }. Linux 4.11.
 * Example: BPFMAP_LPM_TRIE(routes, struct ip4_prefix, __u32, 1024); */
#define BPFMAP_LPM_TRIE(name, K, V, n, ...) BPFMAP__KV(name, LPM_TRIE, n, BPFMAP__NO_PREALLOC, K, V, __VA_ARGS__)

/* First in, first out; last in, first out. Linux 4.20. Example: BPFMAP_QUEUE(jobs, struct job, 64); */
#define BPFMAP_QUEUE(name, V, n, ...) BPFMAP__MAP(name, QUEUE, n, 0, __type(value, V);, __VA_ARGS__)
#define BPFMAP_STACK(name, V, n, ...) BPFMAP__MAP(name, STACK, n, 0, __type(value, V);, __VA_ARGS__)
/* A set that answers "perhaps" or "no"; hashes: 1 to 15 hash functions, 0 for the kernel's choice.
 * Linux 5.16. Example: BPFMAP_BLOOM_FILTER(seen, __u64, 10000, 0); */
#define BPFMAP_BLOOM_FILTER(name, V, n, hashes, ...) \
  BPFMAP__MAP(name, BLOOM_FILTER, n, 0, __type(value, V); __uint(map_extra, hashes);, __VA_ARGS__)

/* An event stream for each CPU. Linux 4.3. No size: the loader gives it a slot per possible CPU.
 * Example: BPFMAP_PERF_EVENT_ARRAY(events); */
#define BPFMAP_PERF_EVENT_ARRAY(name, ...) BPFMAP__KV(name, PERF_EVENT_ARRAY, 0, 0, __u32, __u32, __VA_ARGS__)
/* One event stream of all CPUs to user space (Linux 5.8) or back (6.1). The size is in bytes: a
 * power of two, whole pages; libbpf rounds it up. Example: BPFMAP_RINGBUF(events, 1 << 20); */
#define BPFMAP_RINGBUF(name, bytes, ...) BPFMAP__MAP(name, RINGBUF, bytes, 0, , __VA_ARGS__)
#define BPFMAP_USER_RINGBUF(name, bytes, ...) BPFMAP__MAP(name, USER_RINGBUF, bytes, 0, , __VA_ARGS__)

/* Maps of maps. Linux 4.12. Inner is a type: BPFMAP_INNER or __typeof__(a_map). Inner maps known at
 * compile time follow the declaration:
 *   BPFMAP_HASH(blue, __u32, __u64, 64);
 *   BPFMAP_ARRAY_OF_MAPS(colors, 8, __typeof__(blue)) = {.values = {[3] = &blue}}; */
#define BPFMAP_ARRAY_OF_MAPS(name, n, Inner, ...) \
  BPFMAP__KVS(name, ARRAY_OF_MAPS, n, __u32, __u32, Inner, __VA_ARGS__)
#define BPFMAP_HASH_OF_MAPS(name, K, n, Inner, ...) BPFMAP__KVS(name, HASH_OF_MAPS, n, K, __u32, Inner, __VA_ARGS__)
/* The type of a map without the map, from what BPFMAP_<KIND> takes after the name. Example:
 *   BPFMAP_HASH_OF_MAPS(tenants, __u32, 100, BPFMAP_INNER(LRU_HASH, __u32, __u64, 64)); */
#define BPFMAP_INNER(KIND, ...) BPFMAP_##KIND(, __VA_ARGS__)

/* Programs to tail-call. Linux 4.2. Programs known at compile time follow the declaration:
 *   BPFMAP_PROG_ARRAY(steps, 4) = {.values = {[0] = (void *)&parse}}; */
#define BPFMAP_PROG_ARRAY(name, n, ...) BPFMAP__KVS(name, PROG_ARRAY, n, __u32, __u32, int(void *), __VA_ARGS__)
/* cgroups, for bpf_current_task_under_cgroup. Linux 4.8. Example: BPFMAP_CGROUP_ARRAY(groups, 8); */
#define BPFMAP_CGROUP_ARRAY(name, n, ...) BPFMAP__KV(name, CGROUP_ARRAY, n, 0, __u32, __u32, __VA_ARGS__)

/* Where XDP sends packets: devices (value: struct bpf_devmap_val; Linux 5.8) by index or by any
 * __u32, CPUs (struct bpf_cpumap_val; 5.9), AF_XDP sockets (4.18). Example: BPFMAP_XSKMAP(xsks, 64); */
#define BPFMAP_DEVMAP(name, n, ...) BPFMAP__KV(name, DEVMAP, n, 0, __u32, struct bpf_devmap_val, __VA_ARGS__)
#define BPFMAP_DEVMAP_HASH(name, n, ...) BPFMAP__KV(name, DEVMAP_HASH, n, 0, __u32, struct bpf_devmap_val, __VA_ARGS__)
#define BPFMAP_CPUMAP(name, n, ...) BPFMAP__KV(name, CPUMAP, n, 0, __u32, struct bpf_cpumap_val, __VA_ARGS__)
#define BPFMAP_XSKMAP(name, n, ...) BPFMAP__KV(name, XSKMAP, n, 0, __u32, __u32, __VA_ARGS__)

/* Sockets. The value has 8 bytes, so that user space can look up a socket's cookie: Linux 5.7, for
 * REUSEPORT 4.19. Example: BPFMAP_SOCKHASH(peers, struct tuple, 1024); */
#define BPFMAP_SOCKMAP(name, n, ...) BPFMAP__KV(name, SOCKMAP, n, 0, __u32, __u64, __VA_ARGS__)
#define BPFMAP_SOCKHASH(name, K, n, ...) BPFMAP__KV(name, SOCKHASH, n, 0, K, __u64, __VA_ARGS__)
#define BPFMAP_REUSEPORT_SOCKARRAY(name, n, ...) BPFMAP__KV(name, REUSEPORT_SOCKARRAY, n, 0, __u32, __u64, __VA_ARGS__)

/* Call stacks of up to `depth` frames (at most sysctl kernel.perf_event_max_stack, 127): arrays of
 * __u64 addresses (Linux 4.6) or of struct bpf_stack_build_id (4.17).
 * Example: BPFMAP_STACK_TRACE(stacks, 64, 4096); */
#define BPFMAP_STACK_TRACE(name, depth, n, ...) BPFMAP__KV(name, STACK_TRACE, n, 0, __u32, __u64[depth], __VA_ARGS__)
#define BPFMAP_STACK_BUILD_ID(name, depth, n, ...) \
  BPFMAP__KV(name, STACK_TRACE, n, BPFMAP__BUILD_ID, __u32, struct bpf_stack_build_id[depth], __VA_ARGS__)

/* A value that lives with its socket (Linux 5.2), inode (5.10, BPF LSM), task (5.11), cgroup (6.2).
 * Example: BPFMAP_TASK_STORAGE(spans, struct span); */
#define BPFMAP_SK_STORAGE(name, V, ...) BPFMAP__KV(name, SK_STORAGE, 0, BPFMAP__NO_PREALLOC, int, V, __VA_ARGS__)
#define BPFMAP_INODE_STORAGE(name, V, ...) BPFMAP__KV(name, INODE_STORAGE, 0, BPFMAP__NO_PREALLOC, int, V, __VA_ARGS__)
#define BPFMAP_TASK_STORAGE(name, V, ...) BPFMAP__KV(name, TASK_STORAGE, 0, BPFMAP__NO_PREALLOC, int, V, __VA_ARGS__)
#define BPFMAP_CGRP_STORAGE(name, V, ...) BPFMAP__KV(name, CGRP_STORAGE, 0, BPFMAP__NO_PREALLOC, int, V, __VA_ARGS__)
/* The storage of a cgroup's own programs that CGRP_STORAGE replaces. Linux 4.19, PERCPU 4.20. K is
 * struct bpf_cgroup_storage_key (a value per attach type) or __u64 (one for all; Linux 5.9).
 * Example: BPFMAP_CGROUP_STORAGE(quota, struct bpf_cgroup_storage_key, __u64); */
#define BPFMAP_CGROUP_STORAGE(name, K, V, ...) BPFMAP__KV(name, CGROUP_STORAGE, 0, 0, K, V, __VA_ARGS__)
#define BPFMAP_PERCPU_CGROUP_STORAGE(name, K, V, ...) BPFMAP__KV(name, PERCPU_CGROUP_STORAGE, 0, 0, K, V, __VA_ARGS__)

/* Memory that programs and user space share, in pages. Linux 6.9. Example: BPFMAP_ARENA(heap, 100); */
#define BPFMAP_ARENA(name, pages, ...) BPFMAP__MAP(name, ARENA, pages, BPFMAP__MMAPABLE, , __VA_ARGS__)

/* ---- What a declaration tells ---------------------------------------------------------------- */

#define BPFMAP__BIT(KIND) (1ULL << BPFMAP__##KIND)
#define BPFMAP__KIND(m) (sizeof(*(m)->type) / sizeof((*(m)->type)[0]))
#define BPFMAP__IS(m, kinds) ((1ULL << BPFMAP__KIND(m) & (kinds)) != 0)
/* A striped array: how many indices it has, and how many elements lie between the slots of CPUs 0
 * and 1: whole lines of 64 bytes. The kernel puts elements 8-rounded apart. */
#define BPFMAP__IS_STRIPED(m) (!__builtin_types_compatible_p(__typeof__((*(m)->type)[0]), int))
#define BPFMAP__STRIPE_ENTRIES(m) (sizeof((*(m)->type)[0]) / sizeof(int))
#define BPFMAP__STRIPE_STRIDE(m) \
  BPFMAP__ROUND_UP(BPFMAP__STRIPE_ENTRIES(m), BPFMAP__SLOTS_OF_LINES(BPFMAP__ROUND_UP(sizeof(*(m)->value), 8)))
#define BPFMAP__ROUND_UP(n, multiple) (((n) + (multiple)-1) / (multiple) * (multiple))
/* The fewest slots of so many bytes, a multiple of 8, that fill whole lines. */
#define BPFMAP__SLOTS_OF_LINES(bytes) ((bytes) % 64 == 0 ? 1 : (bytes) % 32 == 0 ? 2 : (bytes) % 16 == 0 ? 4 : 8)
/* Both, as two arguments. */
#define BPFMAP__STRIPES(m) BPFMAP__STRIPE_ENTRIES(m), (BPFMAP__IS_STRIPED(m) ? BPFMAP__STRIPE_STRIDE(m) : 0)
/* Has a slot for each CPU. */
#define BPFMAP__HAS_SLOTS(m) (BPFMAP__IS(m, BPFMAP__PER_CPU) || BPFMAP__IS_STRIPED(m))
#define BPFMAP__INDEXED (BPFMAP__BIT(ARRAY) | BPFMAP__BIT(PERCPU_ARRAY))
#define BPFMAP__PERCPU_KEYED (BPFMAP__BIT(PERCPU_HASH) | BPFMAP__BIT(LRU_PERCPU_HASH))
#define BPFMAP__PER_CPU (BPFMAP__PERCPU_KEYED | BPFMAP__BIT(PERCPU_ARRAY))
#define BPFMAP__KEYED (BPFMAP__PERCPU_KEYED | BPFMAP__BIT(HASH) | BPFMAP__BIT(LRU_HASH))
#define BPFMAP__MAPS (BPFMAP__BIT(ARRAY_OF_MAPS) | BPFMAP__BIT(HASH_OF_MAPS))
#define BPFMAP__LISTS (BPFMAP__BIT(QUEUE) | BPFMAP__BIT(STACK))
/* bpf_map_sum_elem_count reads these types' counter; for others it answers 0, which says nothing. */
#define BPFMAP__COUNTED (BPFMAP__KEYED | BPFMAP__BIT(HASH_OF_MAPS))
/* These keep a counter in a kernel structure of their own. */
#define BPFMAP__FIELD (BPFMAP__LISTS | BPFMAP__BIT(LPM_TRIE) | BPFMAP__BIT(SOCKHASH) | BPFMAP__BIT(DEVMAP_HASH))
/* clang-format on */

/* What the compiler knows of x, it must not use. */
#define BPFMAP__FORGET(x) __asm__("" : "+r"(x))
#define BPFMAP__REQUIRE(condition, sentence) _Static_assert(condition, "bpfmap: " sentence)
#define BPFMAP__REQUIRE_KIND(m, kinds, sentence) BPFMAP__REQUIRE(BPFMAP__IS(m, kinds), sentence)
#define BPFMAP__REQUIRE_KEYED(m, k, kinds, sentence) \
  BPFMAP__REQUIRE_KIND(m, kinds, sentence);          \
  BPFMAP__REQUIRE_KEY(m, k)
#define BPFMAP__REQUIRE_KEY(m, k) \
  BPFMAP__REQUIRE(BPFMAP__SAME(*(k), *(m)->key), "this is no pointer to the map's key type")
#define BPFMAP__REQUIRE_VALUE(m, v) \
  BPFMAP__REQUIRE(BPFMAP__SAME(*(v), *(m)->value), "this is no pointer to the map's value type")
#define BPFMAP__REQUIRE_INTEGER(x) BPFMAP__REQUIRE(BPFMAP__INTEGER(x), "the value is no integer: name a member that is")
#define BPFMAP__INTEGER(x) (__builtin_classify_type(x) >= 1 && __builtin_classify_type(x) <= 4)
#define BPFMAP__SAME(a, b)                                       \
  (__builtin_types_compatible_p(__typeof__(a), __typeof__(b)) || \
   (BPFMAP__INTEGER(a) && BPFMAP__INTEGER(b) && sizeof(a) == sizeof(b)))

/* ---- Size ---------------------------------------------------------------------------------------
 *
 * bpfmap_size(&m): how many elements the map holds, as __s64. Exact while nobody writes.
 * - hash, percpu_hash, lru_hash, lru_percpu_hash: a kfunc where the running kernel has it (6.6, for
 *   GPL-compatible programs; the cost does not grow), else bpf_for_each_map_elem (Linux 5.13).
 * - hash_of_maps: the kfunc, else -EOPNOTSUPP.
 * - lpm_trie, sockhash, devmap_hash, queue, stack: the kernel's counter. Linux 5.9, CAP_PERFMON.
 * - array, percpu_array, striped_array: n of the declaration, whatever the loader makes of it.
 * - other types do not compile, as size() of their classes in C++: the kernel does not tell their
 *   empty slots, or keeps no list.
 * Example: if (bpfmap_size(&connections) >= 50000) return XDP_DROP;
 */

#ifndef BPFMAP_DEFINE_STRUCT_BPF_MAP
#ifdef __VMLINUX_H__
#define BPFMAP_DEFINE_STRUCT_BPF_MAP 0
#else
#define BPFMAP_DEFINE_STRUCT_BPF_MAP 1
#endif
#endif
#if BPFMAP_DEFINE_STRUCT_BPF_MAP
/* libbpf compares the kfunc's prototype with the kernel's; a forward declaration is a mismatch. */
struct bpf_map {
  __u32 id;
};
#endif
#ifndef BPFMAP_NO_KFUNC
extern __s64 bpf_map_sum_elem_count(const struct bpf_map* map) __weak __ksym;
#endif

/* libbpf moves these members to wherever the running kernel has them. */
/* clang-format off */
#define BPFMAP__KERNEL __attribute__((preserve_access_index))
struct lpm_trie___bpfmap { __u64 n_entries; } BPFMAP__KERNEL;
struct bpf_shtab___bpfmap { struct { int counter; } count; } BPFMAP__KERNEL;
struct bpf_dtab___bpfmap { __u32 items; } BPFMAP__KERNEL;
struct bpf_queue_stack___bpfmap { __u32 head, tail, size; } BPFMAP__KERNEL;
/* clang-format on */

/* Head and tail cannot be read at once. If the tail stood still, head - tail was the length when
 * head was read; without this, a full queue in motion could pass for an empty one. */
static __always_inline __s64 bpfmap__list_size(struct bpf_queue_stack___bpfmap* list) {
  __u32 room = list->size, head = 0, tail = list->tail, before = ~tail;
  for (int tries = 0; tries < 4 && tail != before; tries++) {
    before = tail;
    barrier();
    head = list->head;
    barrier();
    tail = list->tail;
  }
  return head >= tail ? head - tail : head + room - tail;
}

static __attribute__((unused)) long bpfmap__visit(void* map, const void* key, void* value, void* context) {
  (void)map, (void)key, (void)value, (void)context;
  return 0;
}

static __always_inline __s64 bpfmap__size(void* map, __u64 kind, __u64 max_entries) {
  BPFMAP__FORGET(map); /* it is not the small variable in section .maps that it seems */
  if (kind == BPFMAP__LPM_TRIE) return ((struct lpm_trie___bpfmap*)map)->n_entries;
  if (kind == BPFMAP__SOCKHASH) return ((struct bpf_shtab___bpfmap*)map)->count.counter;
  if (kind == BPFMAP__DEVMAP_HASH) return ((struct bpf_dtab___bpfmap*)map)->items;
  if (1ULL << kind & BPFMAP__LISTS) return bpfmap__list_size(map);
  if (1ULL << kind & BPFMAP__INDEXED) return max_entries;
#ifndef BPFMAP_NO_KFUNC
  if (bpf_map_sum_elem_count) {
    __s64 count = bpf_map_sum_elem_count(map);
    return count > 0 ? count : 0; /* a sum over CPUs in motion may dip below 0 */
  }
#endif
  if (kind == BPFMAP__HASH_OF_MAPS) return -BPFMAP__EOPNOTSUPP; /* the walk below is not for maps of maps */
  return bpf_for_each_map_elem(map, bpfmap__visit, NULL, 0);
}

#define bpfmap_size(m)                                                                                         \
  ({                                                                                                           \
    BPFMAP__REQUIRE_KIND(m, BPFMAP__COUNTED | BPFMAP__FIELD | BPFMAP__INDEXED,                                 \
                         "nobody counts the elements of this map type");                                       \
    bpfmap__size((void*)(m), BPFMAP__KIND(m),                                                                  \
                 BPFMAP__IS_STRIPED(m) ? BPFMAP__STRIPE_ENTRIES(m) : sizeof(*(m)->max_entries) / sizeof(int)); \
  })

/* ---- All CPUs of a per-CPU element --------------------------------------------------------------
 *
 * A lookup in a per-CPU map gives the current CPU's slot only. These read the slots of all possible
 * CPUs, also in a striped array. Linux 5.19 (bpf_map_lookup_percpu_elem, bpf_loop); older kernels
 * refuse the program, so let the loader switch it off there. Not a snapshot: CPUs go on counting
 * while they are read.
 */

/* For the loader: the highest possible CPU id + 1. Left alone it is the most that Linux supports,
 * and right too: the first id that the kernel does not know ends the walk. */
const volatile __u32 bpfmap_cpu_ids __weak = 8192;
/* For the loader, where possible CPUs have gaps ("0-3,8-11"): bit id % 64 of word id / 64 is set if
 * the id is below bpfmap_cpu_ids but no possible CPU. It must not be looked up: the kernel compares
 * it with the highest id only, and would hand out an address where no memory is. */
const volatile __u64 bpfmap_cpu_holes[128] __weak = {0};

struct bpfmap__walk {
  void* map;
  const void* key;
  void* result;
  __u64 offset; /* of the member, in the slot */
  __u64 bytes;  /* of the slot: 64 bits, so that the verifier sees a constant */
  __u64 stride; /* of a striped array; 0: a per-CPU map */
  __u32 slots;  /* that there were */
  __u32 counts; /* those of them that counted, for min and max */
};

/* The slot of a CPU in a striped array. The kernel compares the place with max_entries: beyond the
 * last CPU's stripe there is nothing. */
static __always_inline void* bpfmap__stripe(void* map, __u32 index, __u32 stride, __u32 cpu) {
  __u32 place = cpu * stride + index;
  return bpf_map_lookup_elem(map, &place);
}

/* Whether a CPU has written to its slot, as far as bytes can tell: if one is not zero. */
static __always_inline _Bool bpfmap__touched(const void* slot, __u64 bytes) {
  __u64 at = 0;
  for (; at + 8 <= bytes; at += 8)
    if (*(const __u64*)(slot + at)) return 1;
  for (; at < bytes; at++)
    if (*(const __u8*)(slot + at)) return 1;
  return 0;
}

/* Defines a function for bpf_loop: the verifier reads it once, for any number of CPUs. BPF has no
 * indirect calls, hence one function for each reduction. */
#define BPFMAP__STEP(fn, ...)                                                                    \
  static __attribute__((unused)) long fn(__u32 cpu, struct bpfmap__walk* walk) {                 \
    void* slot;                                                                                  \
    if (bpfmap_cpu_holes[cpu / 64 % 128] >> cpu % 64 & 1) return 0;                              \
    slot = walk->stride ? bpfmap__stripe(walk->map, *(const __u32*)walk->key, walk->stride, cpu) \
                        : bpf_map_lookup_percpu_elem(walk->map, walk->key, cpu);                 \
    if (!slot) return 1;                                                                         \
    walk->slots++;                                                                               \
    __VA_ARGS__;                                                                                 \
    return 0;                                                                                    \
  }
/* clang-format off */
#define BPFMAP__END(fn, T, Wide, is_beyond) \
  BPFMAP__STEP(fn, if (bpfmap__touched(slot, walk->bytes)) { \
    Wide* end = walk->result; \
    Wide one = *(T*)(slot + walk->offset); \
    if (walk->counts++ == 0 || one is_beyond *end) *end = one; \
  })
#define BPFMAP__STEPS(name, T, Wide) \
  BPFMAP__STEP(bpfmap__sum_##name, *(Wide*)walk->result += *(T*)(slot + walk->offset)) \
  BPFMAP__END(bpfmap__min_##name, T, Wide, <) \
  BPFMAP__END(bpfmap__max_##name, T, Wide, >)
BPFMAP__STEPS(u8, __u8, __u64) BPFMAP__STEPS(u16, __u16, __u64)
BPFMAP__STEPS(u32, __u32, __u64) BPFMAP__STEPS(u64, __u64, __u64)
BPFMAP__STEPS(s8, __s8, __s64) BPFMAP__STEPS(s16, __s16, __s64)
BPFMAP__STEPS(s32, __s32, __s64) BPFMAP__STEPS(s64, __s64, __s64)

static __always_inline __u32 bpfmap__fold(void *map, const void *key, void *step, void *result,
                                          __u64 offset, __u64 bytes, __u32 entries, __u64 stride) {
  struct bpfmap__walk walk = {map, key, result, offset, bytes, stride, 0, 0};
  __u32 ids = bpfmap_cpu_ids;
  if (stride && *(const __u32*)key >= entries) return 0;
  /* Never, which the verifier knows. A loader that looks for calls of helpers sees the program
   * itself, and not what bpf_loop calls. */
  if (ids == 0) bpf_map_lookup_percpu_elem(map, key, 0);
  bpf_loop(ids < 8192 ? ids : 8192, step, &walk, 0);
  return walk.slots;
}
/* clang-format on */

#define BPFMAP__REQUIRE_PER_CPU(m, k)                                                                \
  BPFMAP__REQUIRE(BPFMAP__HAS_SLOTS(m), "only per-CPU maps and striped arrays have a slot per CPU"); \
  BPFMAP__REQUIRE_KEY(m, k)
#define BPFMAP__BY_SIZE(op, x)         \
  (sizeof(x) == 8   ? bpfmap__##op##64 \
   : sizeof(x) == 4 ? bpfmap__##op##32 \
   : sizeof(x) == 2 ? bpfmap__##op##16 \
                    : bpfmap__##op##8)
/* dot: nothing, or .member */
#define BPFMAP__REDUCE(op, m, k, dot)                                                                                  \
  ({                                                                                                                   \
    BPFMAP__REQUIRE_PER_CPU(m, k);                                                                                     \
    BPFMAP__REQUIRE_INTEGER((*(m)->value)dot);                                                                         \
    typedef __typeof__((*(m)->value)dot) bpfmap__part;                                                                 \
    enum { bpfmap__signed = (bpfmap__part)-1 < (bpfmap__part)1 };                                                      \
    __typeof__(__builtin_choose_expr(bpfmap__signed, (__s64)0, (__u64)0)) bpfmap__result = 0;                          \
    bpfmap__fold((void*)(m), (k),                                                                                      \
                 bpfmap__signed ? BPFMAP__BY_SIZE(op##_s, bpfmap__part) : BPFMAP__BY_SIZE(op##_u, bpfmap__part),       \
                 &bpfmap__result, (__u64) & (*(__typeof__((m)->value))0)dot, sizeof(*(m)->value), BPFMAP__STRIPES(m)); \
    bpfmap__result;                                                                                                    \
  })

/* bpfmap_sum(&m, &key), bpfmap_sum(&m, &key, member): the sum of all CPUs' slots, or of a member of
 * them, as __u64, or __s64 if they are signed; 0 if the element is absent. Linux 5.19.
 * Example: __u64 bytes = bpfmap_sum(&flows, &key, received.bytes); */
#define bpfmap_sum(m, k, ...) BPFMAP__REDUCE(sum, m, k, __VA_OPT__(.) __VA_ARGS__)
/* bpfmap_min, bpfmap_max: the smallest and the largest slot that a CPU has written to, or member of
 * such slots; 0 if there is none, or no element. As in C++, a slot that is all zeros was never
 * written to; to count those too, or to tell them by a member, use bpfmap_reduce. Linux 5.19.
 * Example: if (bpfmap_max(&depths, &queue) > 100) ... */
#define bpfmap_min(m, k, ...) BPFMAP__REDUCE(min, m, k, __VA_OPT__(.) __VA_ARGS__)
#define bpfmap_max(m, k, ...) BPFMAP__REDUCE(max, m, k, __VA_OPT__(.) __VA_ARGS__)

/* BPFMAP_REDUCER(fn, accumulator, slot) {...} defines, at file scope, a function for bpfmap_reduce.
 * bpfmap_reduce(&m, &key, fn, &acc) calls fn for each possible CPU's slot, in order of CPU ids.
 * Returns how many there were; 0: the element is absent. Linux 5.19.
 *   BPFMAP_REDUCER(slowest, __u64 *worst, const struct latency *slot) {
 *     if (slot->samples && slot->worst > *worst) *worst = slot->worst;
 *   }
 *   if (bpfmap_reduce(&latencies, &key, slowest, &worst)) ... */
#define BPFMAP_REDUCER(fn, accumulator, slot_parameter)               \
  static __always_inline void fn##__one(accumulator, slot_parameter); \
  BPFMAP__STEP(fn, fn##__one(walk->result, slot))                     \
  static __always_inline void fn##__one(accumulator, slot_parameter)
#define bpfmap_reduce(m, k, fn, acc)                                    \
  ({                                                                    \
    BPFMAP__REQUIRE_PER_CPU(m, k);                                      \
    if (0) /* for the compiler's check of both types */                 \
      fn##__one((acc), (m)->value);                                     \
    bpfmap__fold((void*)(m), (k), fn, (acc), 0, 0, BPFMAP__STRIPES(m)); \
  })

/* ---- Writing --------------------------------------------------------------------------------- */

/* Of all who find an element absent at once, one creates it, and all get the same one: BPF_NOEXIST
 * does not touch what the first one made. int: before Linux 6.4 helpers that write to maps leave 0
 * in the upper half of a negative result; as the long that they declare, it would be positive. */
static __always_inline void* bpfmap__create(void* map, const void* key, const void* initial, long* error) {
  int result = (int)bpf_map_update_elem(map, key, initial, 1 /* BPF_NOEXIST */);
  void* value = bpf_map_lookup_elem(map, key);
  if (!value) *error = result && result != -BPFMAP__EEXIST ? result : -BPFMAP__EAGAIN;
  return value;
}

/* What a key finds here: the value, or this CPU's slot. stride: of a striped array; 0: of another map. */
static __always_inline void* bpfmap__find(void* map, const void* key, __u32 entries, __u32 stride) {
  if (!stride) return bpf_map_lookup_elem(map, key);
  if (*(const __u32*)key >= entries) return NULL; /* it would be another CPU's, or no one's */
  return bpfmap__stripe(map, *(const __u32*)key, stride, bpf_get_smp_processor_id());
}

static __always_inline void* bpfmap__get_or_init(void* map, const void* key, const void* initial, _Bool indexed,
                                                 __u32 entries, __u32 stride) {
  long error;
  void* value = bpfmap__find(map, key, entries, stride);
  return value || indexed ? value : bpfmap__create(map, key, initial, &error);
}

#define BPFMAP__REQUIRE_STORING(m, k)                          \
  BPFMAP__REQUIRE_KEYED(m, k, BPFMAP__KEYED | BPFMAP__INDEXED, \
                        "only hashes and arrays, where a key finds its own element or none")

/* bpfmap_add(&m, &key, n), bpfmap_add(&m, &key, n, member): adds n to the value, or a member of it,
 * in any hash or array; an absent element is made first, all zeros. The map type's first kernel.
 * - Shared maps: atomic, of 4 or 8 bytes; nothing is lost, not even while an element is being made.
 * - Per-CPU maps and striped arrays: a plain addition to this CPU's slot. A program stays on its CPU
 *   until it ends (sleepable ones since Linux 5.12), so no other CPU writes there. Where another
 *   program may interrupt this one and count in the same slot (interrupts, preemptible kernels), use
 *   a shared map, or an atomic addition to what bpfmap_get_or_init returns.
 *
 * Returns 0; or nothing was added: -E2BIG (full, or beyond the array), -EAGAIN (deleted or evicted
 * at this moment), else what bpf_map_update_elem said.
 * Example: bpfmap_add(&flows, &key, skb->len, received.bytes); */
#define bpfmap_add(m, k, n, ...) BPFMAP__ADD(m, k, n, __VA_OPT__(.) __VA_ARGS__)
#define BPFMAP__ADD(m, k, n, dot)                                                                      \
  ({                                                                                                   \
    BPFMAP__REQUIRE_STORING(m, k);                                                                     \
    BPFMAP__REQUIRE_INTEGER((*(m)->value)dot);                                                         \
    BPFMAP__REQUIRE(BPFMAP__HAS_SLOTS(m) || sizeof((*(m)->value)dot) >= 4,                             \
                    "BPF has atomic additions of 4 and 8 bytes only");                                 \
    void* bpfmap__map = (void*)(m);                                                                    \
    const void* bpfmap__key = (k);                                                                     \
    __typeof__((*(m)->value)dot) bpfmap__n = (n);                                                      \
    long bpfmap__error = 0;                                                                            \
    __typeof__((m)->value) bpfmap__value = bpfmap__find(bpfmap__map, bpfmap__key, BPFMAP__STRIPES(m)); \
    if (!bpfmap__value && BPFMAP__IS(m, BPFMAP__INDEXED)) {                                            \
      bpfmap__error = -BPFMAP__E2BIG;                                                                  \
    } else if (!bpfmap__value) {                                                                       \
      __typeof__(*(m)->value) bpfmap__zero;                                                            \
      __builtin_memset(&bpfmap__zero, 0, sizeof(bpfmap__zero));                                        \
      bpfmap__value = bpfmap__create(bpfmap__map, bpfmap__key, &bpfmap__zero, &bpfmap__error);         \
    }                                                                                                  \
    if (bpfmap__value && BPFMAP__HAS_SLOTS(m))                                                         \
      (*bpfmap__value) dot += bpfmap__n;                                                               \
    else if (bpfmap__value)                                                                            \
      __sync_fetch_and_add(&(*bpfmap__value)dot, bpfmap__n);                                           \
    bpfmap__error;                                                                                     \
  })

/* bpfmap_get_or_init(&m, &key, &initial): a pointer to the value, which is made as a copy of
 * `initial` if absent (per-CPU maps: this CPU's slot is, the others are zeroed). Maps and kernels
 * as bpfmap_add. NULL: full, or beyond the array. Values too large for the stack: keep `initial` in
 * a global variable. Example: struct flow *flow = bpfmap_get_or_init(&flows, &key, &new_flow); */
#define bpfmap_get_or_init(m, k, initial)                                                                   \
  ({                                                                                                        \
    BPFMAP__REQUIRE_STORING(m, k);                                                                          \
    BPFMAP__REQUIRE_VALUE(m, initial);                                                                      \
    (__typeof__((m)->value))bpfmap__get_or_init((void*)(m), (k), (initial), BPFMAP__IS(m, BPFMAP__INDEXED), \
                                                BPFMAP__STRIPES(m));                                        \
  })

/* bpfmap_slot(&m, &key): this CPU's slot of an element of a per-CPU map or striped array; NULL:
 * absent. The map type's first kernel. For what bpfmap_add cannot do; mind what it says of
 * interrupts. Example: struct worst *worst = bpfmap_slot(&latencies, &queue); */
#define bpfmap_slot(m, k)                                                      \
  ({                                                                           \
    BPFMAP__REQUIRE_PER_CPU(m, k);                                             \
    (__typeof__((m)->value))bpfmap__find((void*)(m), (k), BPFMAP__STRIPES(m)); \
  })

/* bpfmap_inner(&outer, &key): the inner map or NULL, as a pointer that all functions here take.
 * Linux 4.12. Example: __typeof__(bpfmap_inner(&tenants, &id)) ports = bpfmap_inner(&tenants, &id);
 *                      if (ports) bpfmap_add(ports, &port, 1); */
#define bpfmap_inner(m, k)                                               \
  ({                                                                     \
    BPFMAP__REQUIRE_KEYED(m, k, BPFMAP__MAPS, "this map holds no maps"); \
    (__typeof__((m)->values[0]))bpf_map_lookup_elem((m), (k));           \
  })

/* bpfmap_push(&m, &value), bpfmap_push(&m, &value, BPF_EXIST): adds to a queue, stack or Bloom
 * filter; BPF_EXIST lets a full queue or stack drop its oldest element. Linux 4.20, filters 5.16.
 * Returns 0 or -E2BIG (full). Example: if (bpfmap_push(&jobs, &job)) lost++; */
#define bpfmap_push(m, element, ...)                                                               \
  ({                                                                                               \
    BPFMAP__REQUIRE_KIND(m, BPFMAP__LISTS | BPFMAP__BIT(BLOOM_FILTER),                             \
                         "push is for queues, stacks and Bloom filters");                          \
    BPFMAP__REQUIRE_VALUE(m, element);                                                             \
    (long)(int)bpf_map_push_elem((m), (element), BPFMAP__FLAGS(__VA_ARGS__)); /* int: see above */ \
  })

#define BPFMAP__REQUIRE_EVENT(m, KIND, event)                                                 \
  BPFMAP__REQUIRE_KIND(m, BPFMAP__BIT(KIND), "emit is for ring buffers, emit_perf for perf"); \
  BPFMAP__REQUIRE(!__builtin_types_compatible_p(__typeof__(*(event)), void),                  \
                  "the event must be a pointer to a type, which tells its size")
/* bpfmap_emit(&ring, &event): copies the event into a ring buffer, pads included: zero them.
 * Linux 5.8. Returns 0, -EAGAIN (full, the event is lost). Example: bpfmap_emit(&ring, &event); */
#define bpfmap_emit(m, event)                              \
  ({                                                       \
    BPFMAP__REQUIRE_EVENT(m, RINGBUF, event);              \
    bpf_ringbuf_output((m), (event), sizeof(*(event)), 0); \
  })
/* bpfmap_emit_perf(ctx, &events, &event): the same into this CPU's buffer of a perf event array.
 * Linux 4.4, GPL-compatible. Returns 0, -ENOSPC (full: lost), -ENOENT (this CPU has no reader).
 * Example: bpfmap_emit_perf(ctx, &events, &event); */
#define bpfmap_emit_perf(ctx, m, event)                                                         \
  ({                                                                                            \
    BPFMAP__REQUIRE_EVENT(m, PERF_EVENT_ARRAY, event);                                          \
    bpf_perf_event_output((ctx), (m), 0xffffffffULL /* this CPU */, (event), sizeof(*(event))); \
  })

/* ---- Histograms ---------------------------------------------------------------------------------
 *
 * Slots to index an array with; the verifier sees that they are in range. Any kernel.
 *   BPFMAP_PERCPU_ARRAY(latencies, __u64, BPFMAP_LOG2_SLOTS);
 *   __u32 slot = bpfmap_log2_slot(nanoseconds);
 *   bpfmap_add(&latencies, &slot, 1);
 */

/* bpfmap_log2_slot(v): the number of bits of v, at most 63. Slot 0 holds v == 0, slot s holds
 * 2^(s-1) <= v < 2^s, slot 63 all from 2^62 on. No branches: the verifier has one path to follow,
 * not one for each slot. */
#define BPFMAP_LOG2_SLOTS 64
static __always_inline __u32 bpfmap_log2_slot(__u64 v) {
#pragma unroll
  for (int shift = 1; shift < 64; shift *= 2)
    v |= v >> shift; /* sets all bits below the highest; then they are counted */
  v -= v >> 1 & 0x5555555555555555ULL;
  v = (v & 0x3333333333333333ULL) + (v >> 2 & 0x3333333333333333ULL);
  v = ((v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fULL) * 0x0101010101010101ULL >> 56;
  v -= v >> 6;
  BPFMAP__FORGET(v); /* or it would spare the mask: it knows the range, the verifier does not */
  return v & (BPFMAP_LOG2_SLOTS - 1);
}

/* bpfmap_linear_slot(v, low, width, buckets): slot 0 holds v < low, slots s = 1 to `buckets` hold
 * low + (s-1) * width <= v < low + s * width, slot buckets+1 all above. width >= 1; constants.
 * Example: BPFMAP_ARRAY(sizes, __u64, BPFMAP_LINEAR_SLOTS(15));
 *          __u32 slot = bpfmap_linear_slot(length, 0, 100, 15); */
#define BPFMAP_LINEAR_SLOTS(buckets) ((buckets) + 2)
static __always_inline __u32 bpfmap_linear_slot(__u64 v, __u64 low, __u64 width, __u32 buckets) {
  if (v < low) return 0;
  v = (v - low) / width;
  BPFMAP__FORGET(v); /* or it might check one register and return another */
  if (v > buckets) v = buckets;
  BPFMAP__FORGET(v);
  return (__u32)v + 1;
}

#endif /* BPFMAP_BPF_H */
