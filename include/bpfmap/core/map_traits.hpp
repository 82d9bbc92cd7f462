// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_MAP_TRAITS_HPP
#define BPFMAP_CORE_MAP_TRAITS_HPP

// What a map type is and can do, once, for everyone: the compiler (concepts.hpp), the program at run
// time (a pinned map's type is known only then), the tests (one walks the table on a live kernel), the
// README's table and the probes. Nothing else in bpfmap repeats a fact that stands here.

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string_view>

#include <bpfmap/core/map_type.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// The kernel's internal "not supported" (not EOPNOTSUPP), which does reach user space.
inline constexpr int enotsupp = 524;

/// What the key of a map type is.
enum class key_kind : std::uint8_t {
  none,      ///< the type has no key (queue, bloom filter) or no elements (ring buffer)
  index,     ///< std::uint32_t below max_entries
  bytes,     ///< any bytes, hashed and compared as they are
  prefix,    ///< {std::uint32_t prefix length; bytes in network order}
  stack_id,  ///< std::uint32_t from bpf_get_stackid; may exceed max_entries
  cgroup,    ///< struct bpf_cgroup_storage_key or a cgroup's inode number
  fd,        ///< a file descriptor: socket, file, pidfd or cgroup directory
  zero       ///< std::uint32_t that is always 0
};

/// What the value of a map type is.
enum class value_kind : std::uint8_t {
  none,
  bytes,
  percpu,      ///< one slot a possible CPU, each rounded up to 8 bytes
  map,         ///< a map's fd in, its id out
  program,     ///< a program's fd in, its id out
  perf_event,  ///< a perf event's fd in; cannot be read
  cgroup,      ///< a cgroup v2 directory's fd in; cannot be read
  stack,       ///< std::uint64_t addresses, or struct bpf_stack_build_id
  device,      ///< an interface index, with or without a program
  cpu_queue,   ///< a queue size, with or without a program
  socket,      ///< a socket's fd in; its cookie out, if the value has 8 bytes
  xsk,         ///< an AF_XDP socket's fd in; cannot be read
  struct_ops,  ///< struct bpf_struct_ops_<name> of the kernel's BTF
  instruction  ///< struct bpf_insn_array_value
};

/// What max_entries of BPF_MAP_CREATE means and must be.
enum class entries_rule : std::uint8_t {
  at_least_one,
  zero,  ///< elements belong to other kernel objects
  one,
  ring_bytes,  ///< bytes: a power of two and a multiple of the page size
  pages        ///< pages of memory
};

/// What creating a map demands beyond what the system demands for any map.
enum class capability : std::uint8_t { none, bpf, bpf_and_net_admin };

/// Whether BPF_MAP_CREATE takes BTF for key and value.
enum class btf_rule : std::uint8_t { refused, optional, required, vmlinux };

/// How the elements of a map can be counted. Also what `counted_by()` of a map answers.
enum class counting : std::uint8_t {
  none,            ///< not countable, or not counted yet
  constant,        ///< max_entries: every index holds an element
  kernel_counter,  ///< the kfunc bpf_map_sum_elem_count, Linux 6.6
  kernel_field,    ///< a counter in the kernel's struct, read through the map's pointer
  batch_walk,      ///< BPF_MAP_LOOKUP_BATCH
  key_walk         ///< BPF_MAP_GET_NEXT_KEY
};

/// A command on one map type: the first kernel where user space may use it, or the errno that refuses it.
struct support {
  kernel_version since{};  ///< {}: since the type itself
  int refusal = 0;         ///< 0: supported

  constexpr explicit operator bool() const noexcept { return refusal == 0; }
};

/// The bpf(2) commands that work on elements, mmap(2) and BPF_MAP_FREEZE.
struct command_support {
  support lookup;
  support update;
  support erase;
  support next_key;
  support lookup_and_delete;
  support lookup_batch;
  support update_batch;
  support delete_batch;
  support lookup_and_delete_batch;
  support mmap;
  support freeze;
};

/// A command by its place in command_support.
using command = support command_support::*;

/// Errnos by which the kernel says something about an element. They differ between types that mean the
/// same; bpfmap turns them into the same values and errors everywhere.
struct element_errnos {
  int absent = ENOENT;              ///< lookup of what is not there
  int full = E2BIG;                 ///< update that would need one more element; 0: evicts or never full
  int noexist_on_present = EEXIST;  ///< update with BPF_NOEXIST
  int exist_on_absent = ENOENT;     ///< update with BPF_EXIST; 0: the kernel stores it all the same
  int erase_absent = ENOENT;        ///< delete; 0: the kernel says that it deleted
};

/// Everything bpfmap knows about one map type.
struct map_traits {
  map_type type = map_type::unspec;
  std::string_view name{};  ///< bpfmap's and, in upper case, the kernel's
  kernel_version since{};   ///< first release that can create it
  key_kind key = key_kind::none;
  value_kind value = value_kind::none;
  std::uint32_t min_key_size = 0;    ///< bytes
  std::uint32_t max_key_size = 0;    ///< bytes
  std::uint32_t min_value_size = 0;  ///< bytes
  std::uint32_t max_value_size = 0;  ///< bytes, of one slot for per-CPU types
  entries_rule entries = entries_rule::at_least_one;
  std::uint32_t flags_allowed = 0;   ///< map_flags that BPF_MAP_CREATE accepts
  std::uint32_t flags_required = 0;  ///< map_flags that it demands
  std::uint32_t flags_added = 0;     ///< map_flags that the kernel sets by itself
  capability needs = capability::none;
  btf_rule btf = btf_rule::refused;
  bool inner = true;                    ///< may be the inner map of a map of maps
  bool spin_lock = false;               ///< its value may hold a bpf_spin_lock
  bool map_extra = false;               ///< map_extra means something
  bool evicts = false;                  ///< makes room by dropping other elements
  counting count = counting::none;      ///< the best way to count that the type has
  support for_each{.refusal = EINVAL};  ///< programs may walk over it: bpf_for_each_map_elem
  element_errnos errnos{};
  command_support commands{};
};

namespace detail {

// Limits that stand in many rows. A size of "kmalloc" is what kmalloc can give in one piece with 4 KiB
// pages; the exact bound is some bytes lower and depends on the kernel's build.
inline constexpr std::uint32_t kmalloc_max = 4U << 20;
inline constexpr std::uint32_t percpu_max = 32768;   // PCPU_MIN_UNIT_SIZE
inline constexpr std::uint32_t storage_max = 65407;  // U16_MAX minus the kernel's own header
inline constexpr std::uint32_t value_max = 0x7fffffff;

inline constexpr std::uint32_t fd_access = map_flags::rdonly | map_flags::wronly;
inline constexpr std::uint32_t all_access = fd_access | map_flags::rdonly_prog | map_flags::wronly_prog;

constexpr support yes() { return {}; }
constexpr support since(std::uint16_t major, std::uint16_t minor) { return {.since = {major, minor}}; }
constexpr support no(int refusal = enotsupp) { return {.since = {}, .refusal = refusal}; }

// Families that share a column of commands.
inline constexpr command_support hash_commands{.lookup = yes(),
                                               .update = yes(),
                                               .erase = yes(),
                                               .next_key = yes(),
                                               .lookup_and_delete = since(5, 14),
                                               .lookup_batch = since(5, 6),
                                               .update_batch = since(5, 6),
                                               .delete_batch = since(5, 6),
                                               .lookup_and_delete_batch = since(5, 6),
                                               .mmap = no(),
                                               .freeze = since(5, 2)};

inline constexpr command_support array_commands{.lookup = yes(),
                                                .update = yes(),
                                                .erase = no(EINVAL),
                                                .next_key = yes(),
                                                .lookup_and_delete = no(),
                                                .lookup_batch = since(5, 6),
                                                .update_batch = since(5, 6),
                                                .delete_batch = no(),
                                                .lookup_and_delete_batch = no(),
                                                .mmap = since(5, 5),
                                                .freeze = since(5, 2)};

// Elements are file descriptors: no batches, no lookup_and_delete.
inline constexpr command_support fd_commands{.lookup = yes(),
                                             .update = yes(),
                                             .erase = yes(),
                                             .next_key = yes(),
                                             .lookup_and_delete = no(),
                                             .lookup_batch = no(),
                                             .update_batch = no(),
                                             .delete_batch = no(),
                                             .lookup_and_delete_batch = no(),
                                             .mmap = no(),
                                             .freeze = since(5, 2)};

inline constexpr command_support queue_commands{.lookup = yes(),
                                                .update = yes(),
                                                .erase = no(EINVAL),
                                                .next_key = no(EINVAL),
                                                .lookup_and_delete = yes(),
                                                .lookup_batch = no(),
                                                .update_batch = no(),
                                                .delete_batch = no(),
                                                .lookup_and_delete_batch = no(),
                                                .mmap = no(),
                                                .freeze = since(5, 2)};

inline constexpr command_support ring_commands{.lookup = no(),
                                               .update = no(),
                                               .erase = no(),
                                               .next_key = no(),
                                               .lookup_and_delete = no(),
                                               .lookup_batch = no(),
                                               .update_batch = no(),
                                               .delete_batch = no(),
                                               .lookup_and_delete_batch = no(),
                                               .mmap = yes(),
                                               .freeze = since(5, 2)};

// The same column with one or more entries changed.
constexpr command_support with(command_support base, command which, support what) {
  base.*which = what;
  return base;
}
constexpr command_support with(command_support base, command first, support one, command second, support two) {
  return with(with(base, first, one), second, two);
}

inline constexpr element_errnos any_only_errnos{.noexist_on_present = EINVAL, .exist_on_absent = EINVAL};

// A row of the table is read as one.
// clang-format off
inline constexpr std::array<map_traits, map_type_count> traits_table{{
    {.type = map_type::hash, .name = "hash", .since = {3, 19},
     .key = key_kind::bytes, .value = value_kind::bytes,
     .min_key_size = 1, .max_key_size = kmalloc_max, .min_value_size = 1, .max_value_size = kmalloc_max,
     .flags_allowed = map_flags::no_prealloc | map_flags::numa_node | map_flags::zero_seed | all_access,
     .btf = btf_rule::optional, .spin_lock = true, .count = counting::kernel_counter, .for_each = since(5, 13), .commands = hash_commands},

    // NOEXIST on an array: every index is present, so always EEXIST.
    {.type = map_type::array, .name = "array", .since = {3, 19},
     .key = key_kind::index, .value = value_kind::bytes,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 1, .max_value_size = value_max,
     .flags_allowed = map_flags::numa_node | map_flags::mmapable | map_flags::inner_map | all_access,
     .btf = btf_rule::optional, .spin_lock = true, .count = counting::constant, .for_each = since(5, 13),
     .errnos = {.exist_on_absent = E2BIG, .erase_absent = EINVAL}, .commands = array_commands},

    // Emptied by the kernel when the last fd or pin of the map goes, whatever programs still use it.
    {.type = map_type::prog_array, .name = "prog_array", .since = {4, 2},
     .key = key_kind::index, .value = value_kind::program,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 4, .max_value_size = 4,
     .flags_allowed = map_flags::numa_node | fd_access, .btf = btf_rule::optional, .inner = false,
     .errnos = any_only_errnos, .commands = with(fd_commands, &command_support::lookup, since(4, 13))},

    {.type = map_type::perf_event_array, .name = "perf_event_array", .since = {4, 3},
     .key = key_kind::index, .value = value_kind::perf_event,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 4, .max_value_size = 4,
     .flags_allowed = map_flags::numa_node | map_flags::preserve_elems | fd_access,
     .errnos = {.absent = enotsupp, .noexist_on_present = EINVAL, .exist_on_absent = EINVAL},
     .commands = with(fd_commands, &command_support::lookup, no())},

    {.type = map_type::percpu_hash, .name = "percpu_hash", .since = {4, 6},
     .key = key_kind::bytes, .value = value_kind::percpu,
     .min_key_size = 1, .max_key_size = kmalloc_max, .min_value_size = 1, .max_value_size = percpu_max,
     .flags_allowed = map_flags::no_prealloc | map_flags::zero_seed | all_access, .btf = btf_rule::optional,
     .count = counting::kernel_counter, .for_each = since(5, 13), .commands = hash_commands},

    {.type = map_type::percpu_array, .name = "percpu_array", .since = {4, 6},
     .key = key_kind::index, .value = value_kind::percpu,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 1, .max_value_size = percpu_max,
     .flags_allowed = all_access, .btf = btf_rule::optional, .count = counting::constant, .for_each = since(5, 13),
     .errnos = {.exist_on_absent = E2BIG, .erase_absent = EINVAL},
     .commands = with(with(array_commands, &command_support::mmap, no()),
                  &command_support::lookup_batch, since(5, 13), &command_support::update_batch, since(5, 13))},

    // Buckets are max_entries rounded up to a power of two, and ids are bucket numbers.
    {.type = map_type::stack_trace, .name = "stack_trace", .since = {4, 6},
     .key = key_kind::stack_id, .value = value_kind::stack,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 8, .max_value_size = 127 * 32,
     .flags_allowed = map_flags::numa_node | map_flags::stack_build_id | fd_access, .needs = capability::bpf,
     .count = counting::key_walk,
     .commands = with(with(fd_commands, &command_support::update, no(EINVAL)),
                  &command_support::next_key, since(4, 16), &command_support::lookup_and_delete, since(6, 18))},

    {.type = map_type::cgroup_array, .name = "cgroup_array", .since = {4, 8},
     .key = key_kind::index, .value = value_kind::cgroup,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 4, .max_value_size = 4,
     .flags_allowed = map_flags::numa_node | fd_access,
     .errnos = {.absent = enotsupp, .noexist_on_present = EINVAL, .exist_on_absent = EINVAL},
     .commands = with(fd_commands, &command_support::lookup, no())},

    // A lookup from user space does not refresh an element; eviction starts before the map is full.
    {.type = map_type::lru_hash, .name = "lru_hash", .since = {4, 10},
     .key = key_kind::bytes, .value = value_kind::bytes,
     .min_key_size = 1, .max_key_size = kmalloc_max, .min_value_size = 1, .max_value_size = kmalloc_max,
     .flags_allowed = map_flags::no_common_lru | map_flags::numa_node | map_flags::zero_seed | all_access,
     .needs = capability::bpf, .btf = btf_rule::optional, .evicts = true, .count = counting::kernel_counter, .for_each = since(5, 13),
     .errnos = {.full = 0}, .commands = hash_commands},

    {.type = map_type::lru_percpu_hash, .name = "lru_percpu_hash", .since = {4, 10},
     .key = key_kind::bytes, .value = value_kind::percpu,
     .min_key_size = 1, .max_key_size = kmalloc_max, .min_value_size = 1, .max_value_size = percpu_max,
     .flags_allowed = map_flags::no_common_lru | map_flags::zero_seed | all_access, .needs = capability::bpf,
     .btf = btf_rule::optional, .evicts = true, .count = counting::kernel_counter, .for_each = since(5, 13), .errnos = {.full = 0},
     .commands = hash_commands},

    // On Linux 5.10 a full trie answers ENOSPC to every update, of a prefix that it holds too.
    {.type = map_type::lpm_trie, .name = "lpm_trie", .since = {4, 11},
     .key = key_kind::prefix, .value = value_kind::bytes,
     .min_key_size = 5, .max_key_size = 260, .min_value_size = 1, .max_value_size = kmalloc_max,
     .flags_allowed = map_flags::no_prealloc | map_flags::numa_node | all_access,
     .flags_required = map_flags::no_prealloc, .needs = capability::bpf, .btf = btf_rule::optional,
     .count = counting::kernel_field, .errnos = {.full = ENOSPC},
     .commands = {.lookup = yes(), .update = yes(), .erase = since(4, 15), .next_key = since(4, 16),
                  .lookup_and_delete = no(), .lookup_batch = since(5, 13), .update_batch = since(5, 13),
                  .delete_batch = since(5, 13), .lookup_and_delete_batch = no(), .mmap = no(), .freeze = since(5, 2)}},

    {.type = map_type::array_of_maps, .name = "array_of_maps", .since = {4, 12},
     .key = key_kind::index, .value = value_kind::map,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 4, .max_value_size = 4,
     .flags_allowed = map_flags::numa_node | fd_access, .inner = false, .errnos = any_only_errnos,
     .commands = with(fd_commands, &command_support::lookup_batch, since(5, 19),
                  &command_support::update_batch, since(5, 19))},

    {.type = map_type::hash_of_maps, .name = "hash_of_maps", .since = {4, 12},
     .key = key_kind::bytes, .value = value_kind::map,
     .min_key_size = 1, .max_key_size = kmalloc_max, .min_value_size = 4, .max_value_size = 4,
     .flags_allowed = map_flags::no_prealloc | map_flags::numa_node | map_flags::zero_seed | all_access, .inner = false,
     .count = counting::kernel_counter,
     .commands = {.lookup = yes(), .update = yes(), .erase = yes(), .next_key = yes(), .lookup_and_delete = no(),
                  .lookup_batch = since(5, 19), .update_batch = since(5, 19), .delete_batch = since(5, 19),
                  .lookup_and_delete_batch = since(5, 19), .mmap = no(), .freeze = since(5, 2)}},

    // The slots of devmap and cpumap count as present even when empty: NOEXIST always EEXIST, EXIST always
    // stores, deleting an empty slot succeeds.
    {.type = map_type::devmap, .name = "devmap", .since = {4, 14},
     .key = key_kind::index, .value = value_kind::device,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 4, .max_value_size = 8,
     .flags_allowed = map_flags::numa_node | fd_access, .flags_added = map_flags::rdonly_prog,
     .needs = capability::bpf_and_net_admin, .errnos = {.exist_on_absent = 0, .erase_absent = 0},
     .commands = fd_commands},

    {.type = map_type::sockmap, .name = "sockmap", .since = {4, 14},
     .key = key_kind::index, .value = value_kind::socket,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 4, .max_value_size = 8,
     .flags_allowed = map_flags::numa_node | fd_access, .needs = capability::bpf_and_net_admin,
     .errnos = {.erase_absent = EINVAL}, .commands = with(fd_commands, &command_support::lookup, since(5, 7))},

    {.type = map_type::cpumap, .name = "cpumap", .since = {4, 15},
     .key = key_kind::index, .value = value_kind::cpu_queue,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 4, .max_value_size = 8,
     .flags_allowed = map_flags::numa_node, .needs = capability::bpf,
     .errnos = {.exist_on_absent = 0, .erase_absent = 0}, .commands = fd_commands},

    {.type = map_type::xskmap, .name = "xskmap", .since = {4, 18},
     .key = key_kind::index, .value = value_kind::xsk,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 4, .max_value_size = 4,
     .flags_allowed = map_flags::numa_node | fd_access, .needs = capability::bpf_and_net_admin,
     .count = counting::kernel_field, .errnos = {.absent = EOPNOTSUPP, .erase_absent = 0},
     .commands = with(fd_commands, &command_support::lookup, no(EOPNOTSUPP))},

    {.type = map_type::sockhash, .name = "sockhash", .since = {4, 18},
     .key = key_kind::bytes, .value = value_kind::socket,
     .min_key_size = 1, .max_key_size = 512, .min_value_size = 4, .max_value_size = 8,
     .flags_allowed = map_flags::numa_node | fd_access, .needs = capability::bpf_and_net_admin,
     .count = counting::kernel_field, .commands = with(fd_commands, &command_support::lookup, since(5, 7))},

    // Elements appear when a program is attached to a cgroup: user space can only change them. Some kernels
    // (6.18.15) give one key more at the end of a walk, whatever bytes follow in memory: its lookup finds nothing.
    {.type = map_type::cgroup_storage, .name = "cgroup_storage", .since = {4, 19},
     .key = key_kind::cgroup, .value = value_kind::bytes,
     .min_key_size = 8, .max_key_size = 16, .min_value_size = 1, .max_value_size = storage_max,
     .entries = entries_rule::zero,
     .flags_allowed = map_flags::numa_node | all_access, .btf = btf_rule::optional, .inner = false, .spin_lock = true,
     .count = counting::key_walk, .errnos = {.full = ENOENT, .noexist_on_present = EINVAL, .erase_absent = EINVAL},
     .commands = with(fd_commands, &command_support::erase, no(EINVAL))},

    {.type = map_type::reuseport_sockarray, .name = "reuseport_sockarray", .since = {4, 19},
     .key = key_kind::index, .value = value_kind::socket,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 4, .max_value_size = 8,
     .flags_allowed = map_flags::numa_node | all_access, .needs = capability::bpf, .btf = btf_rule::optional,
     .commands = fd_commands},

    {.type = map_type::percpu_cgroup_storage, .name = "percpu_cgroup_storage", .since = {4, 20},
     .key = key_kind::cgroup, .value = value_kind::percpu,
     .min_key_size = 8, .max_key_size = 16, .min_value_size = 1, .max_value_size = percpu_max,
     .entries = entries_rule::zero,
     .flags_allowed = map_flags::numa_node | all_access, .btf = btf_rule::optional, .inner = false,
     .count = counting::key_walk, .errnos = {.full = ENOENT, .noexist_on_present = EINVAL, .erase_absent = EINVAL},
     .commands = with(fd_commands, &command_support::erase, no(EINVAL))},

    // BPF_EXIST on a full queue or stack drops the oldest element.
    {.type = map_type::queue, .name = "queue", .since = {4, 20}, .value = value_kind::bytes, .min_value_size = 1,
     .max_value_size = kmalloc_max,
     .flags_allowed = map_flags::numa_node | all_access, .needs = capability::bpf, .count = counting::kernel_field,
     .errnos = {.noexist_on_present = EINVAL, .exist_on_absent = 0, .erase_absent = EINVAL},
     .commands = queue_commands},

    {.type = map_type::stack, .name = "stack", .since = {4, 20}, .value = value_kind::bytes, .min_value_size = 1,
     .max_value_size = kmalloc_max,
     .flags_allowed = map_flags::numa_node | all_access, .needs = capability::bpf, .count = counting::kernel_field,
     .errnos = {.noexist_on_present = EINVAL, .exist_on_absent = 0, .erase_absent = EINVAL},
     .commands = queue_commands},

    {.type = map_type::sk_storage, .name = "sk_storage", .since = {5, 2},
     .key = key_kind::fd, .value = value_kind::bytes,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 1, .max_value_size = storage_max,
     .entries = entries_rule::zero,
     .flags_allowed = map_flags::no_prealloc | map_flags::clone, .flags_required = map_flags::no_prealloc,
     .needs = capability::bpf, .btf = btf_rule::required, .spin_lock = true, .errnos = {.full = 0},
     .commands = with(fd_commands, &command_support::next_key, no())},

    {.type = map_type::devmap_hash, .name = "devmap_hash", .since = {5, 4},
     .key = key_kind::bytes, .value = value_kind::device,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 4, .max_value_size = 8,
     .flags_allowed = map_flags::numa_node | fd_access, .flags_added = map_flags::rdonly_prog,
     .needs = capability::bpf_and_net_admin, .count = counting::kernel_field, .errnos = {.exist_on_absent = 0},
     .commands = fd_commands},

    // Deleting is EOPNOTSUPP for a map with BPF_F_LINK; updating registers unless it has that flag.
    {.type = map_type::struct_ops, .name = "struct_ops", .since = {5, 6},
     .key = key_kind::zero, .value = value_kind::struct_ops,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 1, .max_value_size = value_max,
     .entries = entries_rule::one,
     .flags_allowed = map_flags::link | map_flags::vtype_btf_obj_fd, .needs = capability::bpf,
     .btf = btf_rule::vmlinux, .inner = false, .count = counting::constant, .errnos = any_only_errnos,
     .commands = with(fd_commands, &command_support::freeze, no())},

    {.type = map_type::ringbuf, .name = "ringbuf", .since = {5, 8}, .entries = entries_rule::ring_bytes,
     .flags_allowed = map_flags::numa_node | map_flags::rb_overwrite, .commands = ring_commands},

    {.type = map_type::inode_storage, .name = "inode_storage", .since = {5, 10},
     .key = key_kind::fd, .value = value_kind::bytes,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 1, .max_value_size = storage_max,
     .entries = entries_rule::zero,
     .flags_allowed = map_flags::no_prealloc | map_flags::clone, .flags_required = map_flags::no_prealloc,
     .needs = capability::bpf, .btf = btf_rule::required, .spin_lock = true, .errnos = {.full = 0},
     .commands = with(fd_commands, &command_support::next_key, no())},

    {.type = map_type::task_storage, .name = "task_storage", .since = {5, 11},
     .key = key_kind::fd, .value = value_kind::bytes,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 1, .max_value_size = storage_max,
     .entries = entries_rule::zero,
     .flags_allowed = map_flags::no_prealloc | map_flags::clone, .flags_required = map_flags::no_prealloc,
     .needs = capability::bpf, .btf = btf_rule::required, .spin_lock = true, .errnos = {.full = 0},
     .commands = with(fd_commands, &command_support::next_key, no())},

    // Lookup is a membership test; map_extra is the number of hash functions (0: five).
    {.type = map_type::bloom_filter, .name = "bloom_filter", .since = {5, 16}, .value = value_kind::bytes,
     .min_value_size = 1, .max_value_size = kmalloc_max,
     .flags_allowed = map_flags::numa_node | map_flags::zero_seed | all_access, .needs = capability::bpf,
     .btf = btf_rule::optional, .map_extra = true,
     .errnos = {.full = 0, .noexist_on_present = EINVAL, .exist_on_absent = EINVAL, .erase_absent = EOPNOTSUPP},
     .commands = {.lookup = yes(), .update = yes(), .erase = no(EOPNOTSUPP), .next_key = no(EOPNOTSUPP),
                  .lookup_and_delete = no(), .lookup_batch = no(), .update_batch = no(), .delete_batch = no(),
                  .lookup_and_delete_batch = no(), .mmap = no(), .freeze = since(5, 2)}},

    {.type = map_type::user_ringbuf, .name = "user_ringbuf", .since = {6, 1}, .entries = entries_rule::ring_bytes,
     .flags_allowed = map_flags::numa_node, .commands = ring_commands},

    {.type = map_type::cgrp_storage, .name = "cgrp_storage", .since = {6, 2},
     .key = key_kind::fd, .value = value_kind::bytes,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 1, .max_value_size = storage_max,
     .entries = entries_rule::zero,
     .flags_allowed = map_flags::no_prealloc | map_flags::clone, .flags_required = map_flags::no_prealloc,
     .needs = capability::bpf, .btf = btf_rule::required, .spin_lock = true, .errnos = {.full = 0},
     .commands = with(fd_commands, &command_support::next_key, no())},

    // map_extra is the user address of the first page, or 0. Freezing works until the first writable mmap.
    {.type = map_type::arena, .name = "arena", .since = {6, 9}, .entries = entries_rule::pages,
     .flags_allowed = map_flags::mmapable | map_flags::segv_on_fault | map_flags::no_user_conv,
     .flags_required = map_flags::mmapable, .needs = capability::bpf, .map_extra = true,
     .commands = {.lookup = no(EINVAL), .update = no(EOPNOTSUPP), .erase = no(EOPNOTSUPP),
                  .next_key = no(EOPNOTSUPP), .lookup_and_delete = no(), .lookup_batch = no(), .update_batch = no(),
                  .delete_batch = no(), .lookup_and_delete_batch = no(), .mmap = yes(), .freeze = yes()}},

    {.type = map_type::insn_array, .name = "insn_array", .since = {6, 19},
     .key = key_kind::index, .value = value_kind::instruction,
     .min_key_size = 4, .max_key_size = 4, .min_value_size = 16, .max_value_size = 16,
     .flags_added = map_flags::rdonly_prog, .needs = capability::bpf, .inner = false, .count = counting::constant,
     .errnos = {.exist_on_absent = E2BIG, .erase_absent = EINVAL},
     .commands = with(fd_commands, &command_support::erase, no(EINVAL))},

    // Updated in place, so a reader may see half of a write; keeps no element counter.
    {.type = map_type::rhash, .name = "rhash", .since = {7, 2},
     .key = key_kind::bytes, .value = value_kind::bytes,
     .min_key_size = 1, .max_key_size = kmalloc_max, .min_value_size = 1, .max_value_size = kmalloc_max,
     .flags_allowed = map_flags::no_prealloc | map_flags::numa_node | all_access,
     .flags_required = map_flags::no_prealloc, .needs = capability::bpf, .btf = btf_rule::optional, .spin_lock = true,
     .map_extra = true, .count = counting::batch_walk, .commands = hash_commands},
}};
// clang-format on

inline constexpr map_traits unknown_traits{.type = map_type::unspec,
                                           .name = "unknown",
                                           .commands = {.lookup = no(EINVAL),
                                                        .update = no(EINVAL),
                                                        .erase = no(EINVAL),
                                                        .next_key = no(EINVAL),
                                                        .lookup_and_delete = no(EINVAL),
                                                        .lookup_batch = no(EINVAL),
                                                        .update_batch = no(EINVAL),
                                                        .delete_batch = no(EINVAL),
                                                        .lookup_and_delete_batch = no(EINVAL),
                                                        .mmap = no(EINVAL),
                                                        .freeze = no(EINVAL)}};

}  // namespace detail

/// The row of `type`; for a type that bpfmap does not know, a row named "unknown" of map_type::unspec.
/// @cost an array access
constexpr map_traits const& traits_of(map_type type) noexcept {
  auto const number = static_cast<std::uint32_t>(type);
  return number >= 1 && number <= map_type_count ? detail::traits_table[number - 1] : detail::unknown_traits;
}

/// Every row, in the order of the kernel's numbers.
constexpr std::array<map_traits, map_type_count> const& all_traits() noexcept { return detail::traits_table; }

/// The name of `type`: "lru_hash" for BPF_MAP_TYPE_LRU_HASH; "unknown" for what bpfmap does not know.
constexpr std::string_view to_string(map_type type) noexcept { return traits_of(type).name; }

/// The map type called `name`, if there is one.
constexpr std::optional<map_type> map_type_from_string(std::string_view name) noexcept {
  for (map_traits const& row : all_traits()) {
    if (row.name == name) return row.type;
  }
  return std::nullopt;
}

/// The first kernel on which `which` works on maps of `type`, or nothing where it never does.
/// @code
/// first_kernel(map_type::hash, &command_support::lookup_and_delete);  // {5, 14}
/// @endcode
constexpr std::optional<kernel_version> first_kernel(map_type type, command which) noexcept {
  map_traits const& row = traits_of(type);
  support const entry = row.commands.*which;
  if (!entry || row.type == map_type::unspec) return std::nullopt;
  return entry.since > row.since ? entry.since : row.since;
}

/// Names counting methods: "kernel_counter".
constexpr std::string_view to_string(counting how) noexcept {
  switch (how) {
    case counting::none:
      return "none";
    case counting::constant:
      return "constant";
    case counting::kernel_counter:
      return "kernel_counter";
    case counting::kernel_field:
      return "kernel_field";
    case counting::batch_walk:
      return "batch_walk";
    case counting::key_walk:
      return "key_walk";
  }
  return "none";
}

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
