// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_MAP_TYPE_HPP
#define BPFMAP_CORE_MAP_TYPE_HPP

#include <compare>
#include <cstddef>
#include <cstdint>

#include <bpfmap/core/version.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// The kernel's map types: BPF_MAP_TYPE_LRU_PERCPU_HASH is map_type::lru_percpu_hash.
///
/// The numbers are bpfmap's own literals, because a distribution's <linux/bpf.h> may be years older
/// than the running kernel. A test compares them with the kernel's BTF.
enum class map_type : std::uint32_t {
  unspec = 0,
  hash = 1,
  array = 2,
  prog_array = 3,
  perf_event_array = 4,
  percpu_hash = 5,
  percpu_array = 6,
  stack_trace = 7,
  cgroup_array = 8,
  lru_hash = 9,
  lru_percpu_hash = 10,
  lpm_trie = 11,
  array_of_maps = 12,
  hash_of_maps = 13,
  devmap = 14,
  sockmap = 15,
  cpumap = 16,
  xskmap = 17,
  sockhash = 18,
  cgroup_storage = 19,
  reuseport_sockarray = 20,
  percpu_cgroup_storage = 21,
  queue = 22,
  stack = 23,
  sk_storage = 24,
  devmap_hash = 25,
  struct_ops = 26,
  ringbuf = 27,
  inode_storage = 28,
  task_storage = 29,
  bloom_filter = 30,
  user_ringbuf = 31,
  cgrp_storage = 32,
  arena = 33,
  insn_array = 34,
  rhash = 35,
};

/// How many map types bpfmap knows (map_type::unspec is none).
inline constexpr std::size_t map_type_count = 35;

/// A kernel release, as far as BPF features depend on it.
struct kernel_version {
  std::uint16_t major = 0;
  std::uint16_t minor = 0;

  friend constexpr auto operator<=>(kernel_version const&, kernel_version const&) = default;
};

/// Flags of BPF_MAP_CREATE.
namespace map_flags {
inline constexpr std::uint32_t no_prealloc = 1U << 0;
inline constexpr std::uint32_t no_common_lru = 1U << 1;
inline constexpr std::uint32_t numa_node = 1U << 2;
inline constexpr std::uint32_t rdonly = 1U << 3;  ///< of the fd, for user space
inline constexpr std::uint32_t wronly = 1U << 4;  ///< of the fd, for user space
inline constexpr std::uint32_t stack_build_id = 1U << 5;
inline constexpr std::uint32_t zero_seed = 1U << 6;
inline constexpr std::uint32_t rdonly_prog = 1U << 7;
inline constexpr std::uint32_t wronly_prog = 1U << 8;
inline constexpr std::uint32_t clone = 1U << 9;
inline constexpr std::uint32_t mmapable = 1U << 10;
inline constexpr std::uint32_t preserve_elems = 1U << 11;
inline constexpr std::uint32_t inner_map = 1U << 12;
inline constexpr std::uint32_t link = 1U << 13;
inline constexpr std::uint32_t path_fd = 1U << 14;
inline constexpr std::uint32_t vtype_btf_obj_fd = 1U << 15;
inline constexpr std::uint32_t token_fd = 1U << 16;
inline constexpr std::uint32_t segv_on_fault = 1U << 17;
inline constexpr std::uint32_t no_user_conv = 1U << 18;
inline constexpr std::uint32_t rb_overwrite = 1U << 19;
}  // namespace map_flags

/// Flags of element commands.
namespace elem_flags {
inline constexpr std::uint64_t any = 0;
inline constexpr std::uint64_t noexist = 1;
inline constexpr std::uint64_t exist = 2;
inline constexpr std::uint64_t lock = 4;
inline constexpr std::uint64_t cpu = 8;        ///< Linux 7.0
inline constexpr std::uint64_t all_cpus = 16;  ///< Linux 7.0
}  // namespace elem_flags

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
