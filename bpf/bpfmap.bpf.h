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

#define BPFMAP__FLAGS(...) (0 __VA_OPT__(| BPFMAP__FIRST(__VA_ARGS__, 0)))
#define BPFMAP__FIRST(first, ...) (first)
#define BPFMAP__REQUIRE_ONE_FLAG(...)                                               \
  BPFMAP__REQUIRE(sizeof((__u64[]){0, __VA_ARGS__}) <= 2 * sizeof(__u64),           \
                  "flags are one expression: FIRST | SECOND, with no comma between")
/* Without a name a declaration is a bare type: what BPFMAP_INNER needs. */
#define BPFMAP__NAME(...) __VA_OPT__(__VA_ARGS__ SEC(".maps"))
/* libbpf reads the length of the array that `type` points to. What its elements are is for the
 * compiler: of a struct that it meets only behind pointers, as keys and values of inner maps are,
 * it writes no more than the name, and libbpf could not tell its size. Arrays it writes whole. */
#define BPFMAP__MAP(name, KIND, Elements, n, fixed, fields, ...) \
  struct { \
    BPFMAP__REQUIRE_ONE_FLAG(__VA_ARGS__); \
    Elements (*type)[BPFMAP__##KIND]; \
    __uint(max_entries, n); \
    __uint(map_flags, fixed | BPFMAP__FLAGS(__VA_ARGS__)); \
    fields \
  } BPFMAP__NAME(name)
#define BPFMAP__WHOLE(what, T) __typeof__(T) (*what)[1]
#define BPFMAP__KV_WITH(name, KIND, n, fixed, K, V, more, ...) \
  BPFMAP__MAP(name, KIND, struct { BPFMAP__WHOLE(key, K); BPFMAP__WHOLE(value, V); }, n, fixed, \
              __type(key, K); __type(value, V); more, __VA_ARGS__)
#define BPFMAP__KV(name, KIND, n, fixed, K, V, ...) BPFMAP__KV_WITH(name, KIND, n, fixed, K, V, , __VA_ARGS__)
#define BPFMAP__KVS(name, KIND, n, K, V, T, ...) \
  BPFMAP__KV_WITH(name, KIND, n, 0, K, V, __array(values, T);, __VA_ARGS__)
#define BPFMAP__V(name, KIND, n, V, more, ...) \
  BPFMAP__MAP(name, KIND, struct { BPFMAP__WHOLE(value, V); }, n, 0, __type(value, V); more, __VA_ARGS__)

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
    BPFMAP__REQUIRE_ONE_FLAG(__VA_ARGS__); \
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
#define BPFMAP_QUEUE(name, V, n, ...) BPFMAP__V(name, QUEUE, n, V, , __VA_ARGS__)
#define BPFMAP_STACK(name, V, n, ...) BPFMAP__V(name, STACK, n, V, , __VA_ARGS__)
/* A set that answers "perhaps" or "no"; hashes: 1 to 15 hash functions, 0 for the kernel's choice.
 * Linux 5.16. Example: BPFMAP_BLOOM_FILTER(seen, __u64, 10000, 0); */
#define BPFMAP_BLOOM_FILTER(name, V, n, hashes, ...) \
  BPFMAP__V(name, BLOOM_FILTER, n, V, __uint(map_extra, hashes);, __VA_ARGS__)

/* An event stream for each CPU. Linux 4.3. No size: the loader gives it a slot per possible CPU.
 * Example: BPFMAP_PERF_EVENT_ARRAY(events); */
#define BPFMAP_PERF_EVENT_ARRAY(name, ...) BPFMAP__KV(name, PERF_EVENT_ARRAY, 0, 0, __u32, __u32, __VA_ARGS__)
/* One event stream of all CPUs to user space (Linux 5.8) or back (6.1). The size is in bytes: a
 * power of two, whole pages; libbpf rounds it up. Example: BPFMAP_RINGBUF(events, 1 << 20); */
#define BPFMAP_RINGBUF(name, bytes, ...) BPFMAP__MAP(name, RINGBUF, int, bytes, 0, , __VA_ARGS__)
#define BPFMAP_USER_RINGBUF(name, bytes, ...) BPFMAP__MAP(name, USER_RINGBUF, int, bytes, 0, , __VA_ARGS__)

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
#define BPFMAP_ARENA(name, pages, ...) BPFMAP__MAP(name, ARENA, int, pages, BPFMAP__MMAPABLE, , __VA_ARGS__)

/* ---- What a declaration tells ---------------------------------------------------------------- */

#define BPFMAP__IS_POINTER(x) (__builtin_classify_type(x) == 5)
/* What x points at; x itself if it is no pointer, so that a forgotten & is one sentence and not a
 * page: only for its type. */
#define BPFMAP__AT(x) \
  (*__builtin_choose_expr(BPFMAP__IS_POINTER(x), *(__typeof__(x)*)8UL, (__typeof__(x)*)8UL))
/* x as a helper takes it, who it points at being checked already: const and volatile are no matter. */
#define BPFMAP__ADDRESS(x) ((void*)__builtin_choose_expr(BPFMAP__IS_POINTER(x), (x), 0))
#define BPFMAP__BIT(KIND) (1ULL << BPFMAP__##KIND)
#define BPFMAP__KIND(m) (sizeof(*BPFMAP__AT(m).type) / sizeof((*BPFMAP__AT(m).type)[0]))
#define BPFMAP__VALUE(m) (*BPFMAP__AT(m).value)
#define BPFMAP__IS(m, kinds) ((1ULL << BPFMAP__KIND(m) & (kinds)) != 0)
/* A striped array: how many indices it has, and how many elements lie between the slots of CPUs 0
 * and 1: whole lines of 64 bytes. The kernel puts elements 8-rounded apart. */
#define BPFMAP__IS_STRIPED(m) BPFMAP__IS_POINTER((*BPFMAP__AT(m).type)[0]) /* an array becomes one */
#define BPFMAP__STRIPE_ENTRIES(m) (sizeof((*BPFMAP__AT(m).type)[0]) / sizeof(int))
#define BPFMAP__STRIPE_STRIDE(m) \
  BPFMAP__ROUND_UP(BPFMAP__STRIPE_ENTRIES(m), BPFMAP__SLOTS_OF_LINES(BPFMAP__ROUND_UP(sizeof(BPFMAP__VALUE(m)), 8)))
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
#define BPFMAP__REQUIRE_KIND(m, kinds, sentence)                                          \
  BPFMAP__REQUIRE(BPFMAP__IS_POINTER(m), "a map is named by its address: &map, not map"); \
  BPFMAP__REQUIRE(BPFMAP__IS(m, kinds), sentence)
#define BPFMAP__REQUIRE_KEYED(m, k, kinds, sentence) \
  BPFMAP__REQUIRE_KIND(m, kinds, sentence);          \
  BPFMAP__REQUIRE_KEY(m, k)
#define BPFMAP__REQUIRE_KEY(m, k) \
  BPFMAP__REQUIRE(BPFMAP__POINTS_TO(k, *BPFMAP__AT(m).key), "this is no pointer to the map's key type")
#define BPFMAP__REQUIRE_VALUE(m, v) \
  BPFMAP__REQUIRE(BPFMAP__POINTS_TO(v, BPFMAP__VALUE(m)), "this is no pointer to the map's value type")
#define BPFMAP__POINTS_TO(p, x) (BPFMAP__IS_POINTER(p) && BPFMAP__SAME(BPFMAP__AT(p), x))
#define BPFMAP__SAME(a, b)                                       \
  (__builtin_types_compatible_p(__typeof__(a), __typeof__(b)) || \
   (BPFMAP__INTEGER(a) && BPFMAP__INTEGER(b) && sizeof(a) == sizeof(b)))
#define BPFMAP__INTEGER(x) (__builtin_classify_type(x) >= 1 && __builtin_classify_type(x) <= 4)
/* An integer of x's type, and what stands for it once a sentence was said about x. */
#define BPFMAP__NUMBER(x) __builtin_choose_expr(BPFMAP__INTEGER(x), x, 0)
#define BPFMAP__SIGNED(x) ((__typeof__(BPFMAP__NUMBER(x)))-1 < (__typeof__(BPFMAP__NUMBER(x)))1)
/* The value or its member, which is what is counted in. dot: nothing, or .member */
#define BPFMAP__REQUIRE_COUNTER(m, dot)                                                                                \
  BPFMAP__REQUIRE(BPFMAP__INTEGER(BPFMAP__VALUE(m) dot), "the value is no integer: name a member that is");            \
  BPFMAP__REQUIRE(!BPFMAP__INTEGER(BPFMAP__VALUE(m) dot) || sizeof(BPFMAP__VALUE(m) dot) <= 8,                         \
                  "BPF has integers of up to 8 bytes: reduce wider ones by a BPFMAP_REDUCER, add to what bpfmap_slot " \
                  "or bpfmap_get_or_init returns")
#define BPFMAP__OFFSET(m, dot) ((__u64) & (*(__typeof__(BPFMAP__VALUE(m))*)0)dot)
/* A preprocessor sees commas in braces as between arguments. text: of what it takes for one. */
#define BPFMAP__REQUIRE_WHOLE(text)                                                 \
  BPFMAP__REQUIRE(__builtin_constant_p(1) /* for clang: it can be computed */       \
                      ? !__builtin_strchr(text, '{') || __builtin_strchr(text, '}') \
                      : 1,                                                          \
                  "parentheses around a compound literal, please: bpfmap_sum(&map, (&(struct key){1, 2}))")

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
    bpfmap__size(                                                                                              \
        BPFMAP__ADDRESS(m), BPFMAP__KIND(m),                                                                   \
        BPFMAP__IS_STRIPED(m) ? BPFMAP__STRIPE_ENTRIES(m) : sizeof(*BPFMAP__AT(m).max_entries) / sizeof(int)); \
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
  void* result; /* where bpfmap_reduce has it */
  __u64 offset; /* of the member, in the slot */
  __u64 bytes;  /* of the slot: 64 bits, so that the verifier sees a constant */
  __u64 stride; /* of a striped array; 0: a per-CPU map */
  /* number and slots are less than they are by `start`, which is any number. Did they begin at 0, the
   * verifier would tell a walk of no step from one of a step, and follow both to the program's end:
   * in a loop of 64, for a million instructions. So they are alike to it. */
  __u64 start;
  __u64 number; /* the sum, or the end */
  __u64 flip;   /* for the end */
  __u64 slots;  /* that there were, or that counted */
};

/* The slot of a CPU in a striped array. The kernel compares the place with max_entries: beyond the
 * last CPU's stripe there is nothing. */
static __always_inline void* bpfmap__stripe(void* map, __u32 index, __u32 stride, __u32 cpu) {
  __u32 place = cpu * stride + index;
  return bpf_map_lookup_elem(map, &place);
}

/* All bits, if x is not 0; else none. No branch: the verifier follows each way out of one, to the end
 * of the program, and in a loop again each time. */
static __always_inline __u64 bpfmap__mask(__u64 x) {
  x |= -x;           /* sets the highest bit */
  BPFMAP__FORGET(x); /* or the compiler would make a branch of it */
  return -(x >> 63);
}

/* The lesser of two, without a branch. */
static __always_inline __u64 bpfmap__lesser(__u64 a, __u64 b) {
  __u64 less = (~a & b) | ((~a | b) & (a - b)); /* the highest bit: a < b */
  BPFMAP__FORGET(less);
  return b ^ ((a ^ b) & -(less >> 63));
}

/* Whether a CPU has written to its slot, as far as bytes can tell: not 0, if one of them is not. */
static __always_inline __u64 bpfmap__touched(const void* slot, __u64 bytes) {
  __u64 at = 0, any = 0;
  for (; at + 64 <= bytes; at += 64) {
    const __u64* words = slot + at;
    any |= words[0] | words[1] | words[2] | words[3] | words[4] | words[5] | words[6] | words[7];
  }
  for (; at + 8 <= bytes; at += 8) any |= *(const __u64*)(slot + at);
  for (; at < bytes; at++) any |= *(const __u8*)(slot + at);
  return any;
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
    __VA_ARGS__;                                                                                 \
    return 0;                                                                                    \
  }
/* clang-format off */
/* Of numbers turned by `flip` such that the least is wanted of all; slots that do not count are more. */
#define BPFMAP__END(fn, T, Wide) \
  BPFMAP__STEP(fn, { \
    __u64 counts = bpfmap__mask(bpfmap__touched(slot, walk->bytes)); \
    __u64 one = ((__u64)(Wide)*(T*)(slot + walk->offset) ^ walk->flip) | ~counts; \
    walk->number = bpfmap__lesser(one, walk->number + walk->start) - walk->start; \
    walk->slots -= counts; /* one more, or not */ \
  })
#define BPFMAP__STEPS(name, T, Wide) \
  BPFMAP__STEP(bpfmap__sum_##name, walk->number += (Wide)*(T*)(slot + walk->offset)) \
  BPFMAP__END(bpfmap__end_##name, T, Wide)
BPFMAP__STEPS(u8, __u8, __u64) BPFMAP__STEPS(u16, __u16, __u64)
BPFMAP__STEPS(u32, __u32, __u64) BPFMAP__STEPS(u64, __u64, __u64)
BPFMAP__STEPS(s8, __s8, __s64) BPFMAP__STEPS(s16, __s16, __s64)
BPFMAP__STEPS(s32, __s32, __s64) BPFMAP__STEPS(s64, __s64, __s64)

static __always_inline void bpfmap__walk(struct bpfmap__walk* walk, void* step, __u32 entries) {
  __u32 ids = bpfmap_cpu_ids;
  if (walk->stride && *(const __u32*)walk->key >= entries) return;
  /* Never, which the verifier knows. A loader that looks for calls of helpers sees the program
   * itself, and not what bpf_loop calls. */
  if (ids == 0) bpf_map_lookup_percpu_elem(walk->map, walk->key, 0);
  bpf_loop(ids < 8192 ? ids : 8192, step, walk, 0);
}

static __always_inline __u64 bpfmap__sum(void* map, const void* key, void* step, __u64 offset, __u64 bytes,
                                         __u32 entries, __u64 stride) {
  __u64 start = bpf_jiffies64();
  struct bpfmap__walk walk = {
      .map = map, .key = key, .offset = offset, .bytes = bytes, .stride = stride, .start = start, .number = -start};
  bpfmap__walk(&walk, step, entries);
  return walk.number + start;
}

static __always_inline __u64 bpfmap__end(void* map, const void* key, void* step, __u64 flip, __u64 offset, __u64 bytes,
                                         __u32 entries, __u64 stride) {
  __u64 start = bpf_jiffies64(), none = bpf_jiffies64();
  struct bpfmap__walk walk = {.map = map,
                              .key = key,
                              .offset = offset,
                              .bytes = bytes,
                              .stride = stride,
                              .start = start,
                              .flip = flip,
                              .number = ~0ULL - start,
                              .slots = -none};
  bpfmap__walk(&walk, step, entries);
  return ((walk.number + start) ^ flip) & bpfmap__mask(walk.slots + none);
}
/* The sign's bit turned, signed numbers are in the order of unsigned ones; all turned, the greatest
 * is the least. */
#define BPFMAP__FLIP_FOR_MIN(is_signed) ((is_signed) ? 1ULL << 63 : 0)
#define BPFMAP__FLIP_FOR_MAX(is_signed) (~BPFMAP__FLIP_FOR_MIN(is_signed))

static __always_inline __u32 bpfmap__reduce(void* map, const void* key, void* step, void* accumulator, __u32 entries,
                                            __u64 stride) {
  __u64 start = bpf_jiffies64();
  struct bpfmap__walk walk = {
      .map = map, .key = key, .result = accumulator, .stride = stride, .start = start, .slots = -start};
  bpfmap__walk(&walk, step, entries);
  return walk.slots + start;
}

#define BPFMAP__REQUIRE_PER_CPU(m, k)                                                                \
  BPFMAP__REQUIRE(BPFMAP__IS_POINTER(m), "a map is named by its address: &map, not map");            \
  BPFMAP__REQUIRE(BPFMAP__HAS_SLOTS(m), "only per-CPU maps and striped arrays have a slot per CPU"); \
  BPFMAP__REQUIRE_KEY(m, k)
#define BPFMAP__BY_SIZE(op, x)         \
  (sizeof(x) == 8   ? bpfmap__##op##64 \
   : sizeof(x) == 4 ? bpfmap__##op##32 \
   : sizeof(x) == 2 ? bpfmap__##op##16 \
                    : bpfmap__##op##8)
/* text: of k; fn and step: what does it; the rest: what fn takes in between. */
#define BPFMAP__REDUCE(text, m, k, dot, fn, step, ...)                                               \
  ({                                                                                                 \
    BPFMAP__REQUIRE_WHOLE(text);                                                                     \
    BPFMAP__REQUIRE_PER_CPU(m, k);                                                                   \
    BPFMAP__REQUIRE_COUNTER(m, dot);                                                                 \
    (__typeof__(__builtin_choose_expr(BPFMAP__SIGNED(BPFMAP__VALUE(m) dot), (__s64)0, (__u64)0)))fn( \
        BPFMAP__ADDRESS(m), BPFMAP__ADDRESS(k),                                                      \
        BPFMAP__SIGNED(BPFMAP__VALUE(m) dot) ? BPFMAP__BY_SIZE(step##_s, BPFMAP__VALUE(m) dot)       \
                                             : BPFMAP__BY_SIZE(step##_u, BPFMAP__VALUE(m) dot),      \
        __VA_ARGS__ BPFMAP__OFFSET(m, dot), sizeof(BPFMAP__VALUE(m)), BPFMAP__STRIPES(m));           \
  })
#define BPFMAP__REDUCE_TO_END(text, m, k, dot, FLIP) \
  BPFMAP__REDUCE(text, m, k, dot, bpfmap__end, end, FLIP(BPFMAP__SIGNED(BPFMAP__VALUE(m) dot)), )

/* bpfmap_sum(&m, &key), bpfmap_sum(&m, &key, member): the sum of all CPUs' slots, or of a member of
 * them, as __u64, or __s64 if they are signed; 0 if the element is absent. Linux 5.19.
 * Example: __u64 bytes = bpfmap_sum(&flows, &key, received.bytes); */
#define bpfmap_sum(m, k, ...) BPFMAP__REDUCE(#k, m, k, __VA_OPT__(.) __VA_ARGS__, bpfmap__sum, sum, )
/* bpfmap_min, bpfmap_max: the smallest and the largest slot that a CPU has written to, or member of
 * such slots; 0 if there is none, or no element. As in C++, a slot that is all zeros was never
 * written to; to count those too, or to tell them by a member, use bpfmap_reduce. Linux 5.19.
 * Example: if (bpfmap_max(&depths, &queue) > 100) ... */
#define bpfmap_min(m, k, ...) BPFMAP__REDUCE_TO_END(#k, m, k, __VA_OPT__(.) __VA_ARGS__, BPFMAP__FLIP_FOR_MIN)
#define bpfmap_max(m, k, ...) BPFMAP__REDUCE_TO_END(#k, m, k, __VA_OPT__(.) __VA_ARGS__, BPFMAP__FLIP_FOR_MAX)

/* BPFMAP_REDUCER(fn, accumulator, slot) {...} defines, at file scope, a function for bpfmap_reduce.
 * bpfmap_reduce(&m, &key, fn, &acc) calls fn for each possible CPU's slot, in order of CPU ids.
 * Returns how many there were; 0: the element is absent. Linux 5.19.
 *   BPFMAP_REDUCER(slowest, __u64 *worst, const struct latency *slot) {
 *     if (slot->samples && slot->worst > *worst) *worst = slot->worst;
 *   }
 *   if (bpfmap_reduce(&latencies, &key, slowest, &worst)) ... */
#define BPFMAP_REDUCER(fn, accumulator, slot_parameter)               \
  static __always_inline void fn##__one(accumulator, slot_parameter); \
  BPFMAP__STEP(fn, fn##__one(walk->result, slot); walk->slots++)      \
  static __always_inline void fn##__one(accumulator, slot_parameter)
#define bpfmap_reduce(m, k, fn, acc)                                                                                  \
  ({                                                                                                                  \
    BPFMAP__REQUIRE_PER_CPU(m, k);                                                                                    \
    BPFMAP__REQUIRE(__builtin_types_compatible_p(__typeof__(fn##__one),                                               \
                                                 void(__typeof__(acc), const __typeof__(BPFMAP__VALUE(m))*)),         \
                    "the reducer's parameters are a pointer of the accumulator's type and then one to a const slot"); \
    bpfmap__reduce(BPFMAP__ADDRESS(m), BPFMAP__ADDRESS(k), fn, BPFMAP__ADDRESS(acc), BPFMAP__STRIPES(m));             \
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

/* zeros: as many as the value has bytes; none are needed for a word. */
static __always_inline void* bpfmap__create_zeroed(void* map, const void* key, const void* zeros, __u64 bytes,
                                                   long* error) {
  __u64 word = 0;
  return bpfmap__create(map, key, bytes > sizeof(word) ? zeros : &word, error);
}
/* For what the stack has no room: zeros of the program's constants. */
#define BPFMAP__ZEROS(m)                                                  \
  ({                                                                      \
    static const __u64 bpfmap__zeros[(sizeof(BPFMAP__VALUE(m)) + 7) / 8]; \
    (const void*)bpfmap__zeros;                                           \
  })

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
#define bpfmap_add(m, k, n, ...) BPFMAP__ADD(#k, m, k, n, __VA_OPT__(.) __VA_ARGS__)
#define BPFMAP__ADD(text, m, k, n, dot)                                                                               \
  ({                                                                                                                  \
    BPFMAP__REQUIRE_WHOLE(text);                                                                                      \
    BPFMAP__REQUIRE_STORING(m, k);                                                                                    \
    BPFMAP__REQUIRE_COUNTER(m, dot);                                                                                  \
    BPFMAP__REQUIRE(!BPFMAP__IS_CONST(BPFMAP__VALUE(m) dot), "the value is const: nothing can be added to it");       \
    BPFMAP__REQUIRE(!BPFMAP__IS_BOOL(BPFMAP__VALUE(m) dot), "a _Bool is no number that can be added to");             \
    BPFMAP__REQUIRE(BPFMAP__INTEGER(n), "what is added is no integer");                                               \
    BPFMAP__REQUIRE(BPFMAP__HAS_SLOTS(m) || sizeof(BPFMAP__VALUE(m) dot) >= 4,                                        \
                    "BPF has atomic additions of 4 and 8 bytes only");                                                \
    BPFMAP__REQUIRE(BPFMAP__HAS_SLOTS(m) || BPFMAP__IS_ALIGNED(m, dot),                                               \
                    "BPF has atomic additions to aligned members only, and this one is packed");                      \
    bpfmap__add(BPFMAP__ADDRESS(m), BPFMAP__ADDRESS(k), (__u64)(__typeof__(BPFMAP__NUMBER(BPFMAP__VALUE(m) dot)))(n), \
                BPFMAP__OFFSET(m, dot), sizeof(BPFMAP__VALUE(m) dot), BPFMAP__ZEROS(m), sizeof(BPFMAP__VALUE(m)),     \
                BPFMAP__IS(m, BPFMAP__INDEXED), BPFMAP__HAS_SLOTS(m), BPFMAP__STRIPES(m));                            \
  })
#define BPFMAP__IS_CONST(x) __builtin_types_compatible_p(__typeof__(x)*, const __typeof__(x)*)
#define BPFMAP__IS_BOOL(x) __builtin_types_compatible_p(__typeof__(x), _Bool)
/* By a constant index, that is: the verifier looks at the others. */
#define BPFMAP__IS_ALIGNED(m, dot) \
  (__builtin_constant_p(BPFMAP__OFFSET(m, dot)) ? BPFMAP__OFFSET(m, dot) % sizeof(BPFMAP__VALUE(m) dot) == 0 : 1)

/* Members of any type, in packed structs as well. */
/* clang-format off */
#define BPFMAP__ADD_TO(T) \
  if (width == sizeof(T)) { \
    typedef T __attribute__((may_alias)) bpfmap__aligned; \
    struct __attribute__((packed, may_alias)) bpfmap__packed { T number; }; \
    if (aligned) *(bpfmap__aligned*)at += (T)n; else ((struct bpfmap__packed*)at)->number += (T)n; \
  }
/* clang-format on */
static __always_inline long bpfmap__add(void* map, const void* key, __u64 n, __u64 offset, __u64 width,
                                        const void* zeros, __u64 bytes, _Bool indexed, _Bool slots, __u32 entries,
                                        __u32 stride) {
  _Bool aligned = offset % width == 0;
  long error = -BPFMAP__E2BIG;
  void* at = bpfmap__find(map, key, entries, stride);
  if (!at && !indexed) at = bpfmap__create_zeroed(map, key, zeros, bytes, &error);
  if (!at) return error;
  at += offset;
  if (!slots && width == 4) {
    __sync_fetch_and_add((__u32*)at, (__u32)n);
  } else if (!slots) {
    __sync_fetch_and_add((__u64*)at, n);
  } else {
    BPFMAP__ADD_TO(__u8) BPFMAP__ADD_TO(__u16) BPFMAP__ADD_TO(__u32) BPFMAP__ADD_TO(__u64)
  }
  return 0;
}

/* bpfmap_get_or_init(&m, &key, &initial): a pointer to the value, which is made as a copy of
 * `initial` if absent (per-CPU maps: this CPU's slot is, the others are zeroed). Maps and kernels
 * as bpfmap_add. NULL: full, or beyond the array. Values too large for the stack: keep `initial` in
 * a global variable. Example: struct flow *flow = bpfmap_get_or_init(&flows, &key, &new_flow); */
#define bpfmap_get_or_init(m, k, initial)                                                                          \
  ({                                                                                                               \
    BPFMAP__REQUIRE_STORING(m, k);                                                                                 \
    BPFMAP__REQUIRE_VALUE(m, initial);                                                                             \
    (__typeof__(BPFMAP__AT(m).value))bpfmap__get_or_init(BPFMAP__ADDRESS(m), BPFMAP__ADDRESS(k),                   \
                                                         BPFMAP__ADDRESS(initial), BPFMAP__IS(m, BPFMAP__INDEXED), \
                                                         BPFMAP__STRIPES(m));                                      \
  })

/* bpfmap_slot(&m, &key): this CPU's slot of an element of a per-CPU map or striped array; NULL:
 * absent. The map type's first kernel. For what bpfmap_add cannot do; mind what it says of
 * interrupts. Example: struct worst *worst = bpfmap_slot(&latencies, &queue); */
#define bpfmap_slot(m, ...) BPFMAP__SLOT(m, (__VA_ARGS__)) /* compound literals, too */
#define BPFMAP__SLOT(m, k)                                                                                     \
  ({                                                                                                           \
    BPFMAP__REQUIRE_PER_CPU(m, k);                                                                             \
    (__typeof__(BPFMAP__AT(m).value))bpfmap__find(BPFMAP__ADDRESS(m), BPFMAP__ADDRESS(k), BPFMAP__STRIPES(m)); \
  })

/* bpfmap_inner(&outer, &key): the inner map or NULL, as a pointer that all functions here take.
 * Linux 4.12. Example: __typeof__(bpfmap_inner(&tenants, &id)) ports = bpfmap_inner(&tenants, &id);
 *                      if (ports) bpfmap_add(ports, &port, 1); */
#define bpfmap_inner(m, ...) BPFMAP__INNER_MAP(m, (__VA_ARGS__))
#define BPFMAP__INNER_MAP(m, k)                                                                       \
  ({                                                                                                  \
    BPFMAP__REQUIRE_KEYED(m, k, BPFMAP__MAPS, "this map holds no maps");                              \
    (__typeof__(BPFMAP__AT(m).values[0]))bpf_map_lookup_elem(BPFMAP__ADDRESS(m), BPFMAP__ADDRESS(k)); \
  })

/* bpfmap_push(&m, &value), bpfmap_push(&m, &value, BPF_EXIST): adds to a queue, stack or Bloom
 * filter; BPF_EXIST lets a full queue or stack drop its oldest element. Linux 4.20, filters 5.16.
 * Returns 0 or -E2BIG (full). Example: if (bpfmap_push(&jobs, &job)) lost++; */
#define bpfmap_push(m, element, ...)                                               \
  ({                                                                               \
    BPFMAP__REQUIRE_WHOLE(#element);                                               \
    BPFMAP__REQUIRE_ONE_FLAG(__VA_ARGS__);                                         \
    BPFMAP__REQUIRE_KIND(m, BPFMAP__LISTS | BPFMAP__BIT(BLOOM_FILTER),             \
                         "push is for queues, stacks and Bloom filters");          \
    BPFMAP__REQUIRE_VALUE(m, element);                                             \
    (long)(int)bpf_map_push_elem(BPFMAP__ADDRESS(m), BPFMAP__ADDRESS(element),     \
                                 BPFMAP__FLAGS(__VA_ARGS__)); /* int: see above */ \
  })

#define BPFMAP__REQUIRE_EVENT(m, KIND, event)                                                                      \
  BPFMAP__REQUIRE_KIND(m, BPFMAP__BIT(KIND), "emit is for ring buffers, emit_perf for perf");                      \
  BPFMAP__REQUIRE(BPFMAP__IS_POINTER(event) && !__builtin_types_compatible_p(__typeof__(BPFMAP__AT(event)), void), \
                  "the event must be a pointer to a type, which tells its size")
/* Of an array the whole, and not what its name becomes a pointer to. */
#define BPFMAP__IS_ARRAY(x) (!__builtin_types_compatible_p(__typeof__(x), __typeof__(&BPFMAP__AT(x))))
#define BPFMAP__EVENT_SIZE(event) (BPFMAP__IS_ARRAY(event) ? sizeof(event) : sizeof(BPFMAP__AT(event)))
/* bpfmap_emit(&ring, &event), bpfmap_emit(&ring, array): copies the event into a ring buffer, pads
 * included: zero them. Linux 5.8. Returns 0, -EAGAIN (full, the event is lost).
 * Example: bpfmap_emit(&ring, &event); */
#define bpfmap_emit(m, ...) BPFMAP__EMIT(m, (__VA_ARGS__)) /* compound literals, too */
#define BPFMAP__EMIT(m, event)                                                                    \
  ({                                                                                              \
    BPFMAP__REQUIRE_EVENT(m, RINGBUF, event);                                                     \
    bpf_ringbuf_output(BPFMAP__ADDRESS(m), BPFMAP__ADDRESS(event), BPFMAP__EVENT_SIZE(event), 0); \
  })
/* bpfmap_emit_perf(ctx, &events, &event): the same into this CPU's buffer of a perf event array.
 * Linux 4.4, GPL-compatible. Returns 0, -ENOSPC (full: lost), -ENOENT (this CPU has no reader).
 * Example: bpfmap_emit_perf(ctx, &events, &event); */
#define bpfmap_emit_perf(ctx, m, ...) BPFMAP__EMIT_PERF(ctx, m, (__VA_ARGS__))
#define BPFMAP__EMIT_PERF(ctx, m, event)                                                                   \
  ({                                                                                                       \
    BPFMAP__REQUIRE_EVENT(m, PERF_EVENT_ARRAY, event);                                                     \
    bpf_perf_event_output((ctx), BPFMAP__ADDRESS(m), 0xffffffffULL /* this CPU */, BPFMAP__ADDRESS(event), \
                          BPFMAP__EVENT_SIZE(event));                                                      \
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
 * low + (s-1) * width <= v < low + s * width, slot buckets+1 all above. v and low may be negative if
 * their types can. width >= 1; constants.
 * Example: BPFMAP_ARRAY(sizes, __u64, BPFMAP_LINEAR_SLOTS(15));
 *          __u32 slot = bpfmap_linear_slot(length, 0, 100, 15); */
#define BPFMAP_LINEAR_SLOTS(buckets) ((buckets) + 2)
#define bpfmap_linear_slot(v, low, width, buckets) \
  bpfmap__linear_slot((__u64)(v), BPFMAP__SIGNED(v), (__u64)(low), BPFMAP__SIGNED(low), (width), (buckets))
static __always_inline __u32 bpfmap__linear_slot(__u64 v, _Bool v_signed, __u64 low, _Bool low_signed, __u64 width,
                                                 __u32 buckets) {
  _Bool v_negative = v_signed && (__s64)v < 0, low_negative = low_signed && (__s64)low < 0;
  __u64 above = v - low;
  if (v_negative == low_negative ? v < low : v_negative) return 0;
  if (low_negative && !v_negative && above < v) above = ~0ULL; /* from -2^63 to 2^64 is more than that */
  v = above / width;
  BPFMAP__FORGET(v); /* or it might check one register and return another */
  if (v > buckets) v = buckets;
  BPFMAP__FORGET(v);
  return (__u32)v + 1;
}

#endif /* BPFMAP_BPF_H */
