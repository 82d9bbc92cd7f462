// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_SYS_HPP
#define BPFMAP_KERNEL_SYS_HPP

// The one door to libbpf. Everything above calls these functions, which return what libbpf 1.0 and newer
// do: 0, a count or a descriptor, or a negative errno. Tests link a fake libbpf behind it.

#if __has_include(<bpf/libbpf_version.h>)  // not in the oldest
#include <bpf/libbpf_version.h>
#endif
#if !defined(LIBBPF_MAJOR_VERSION) || LIBBPF_MAJOR_VERSION < 1
#error "bpfmap requires libbpf 1.0 or newer: the headers that the compiler finds are of an older one, or of none"
#include <bpfmap_ends_here>  // as in core/version.hpp
#endif
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <bpfmap/core/map_type.hpp>
#include <bpfmap/kernel/signals_held.hpp>

namespace bpfmap::inline BPFMAP_ABI::sys {

/// struct bpf_map_info, spelled out: the system's header may be older than the kernel. Fields that a kernel
/// does not know stay zero.
struct raw_map_info {
  std::uint32_t type;
  std::uint32_t id;
  std::uint32_t key_size;
  std::uint32_t value_size;
  std::uint32_t max_entries;
  std::uint32_t map_flags;
  char name[16];
  std::uint32_t ifindex;
  std::uint32_t btf_vmlinux_value_type_id;
  std::uint64_t netns_dev;
  std::uint64_t netns_ino;
  std::uint32_t btf_id;
  std::uint32_t btf_key_type_id;
  std::uint32_t btf_value_type_id;
  std::uint32_t btf_vmlinux_id;
  std::uint64_t map_extra;
};
static_assert(sizeof(raw_map_info) == 88, "the kernel's layout of struct bpf_map_info");

/// What BPF_MAP_CREATE takes.
struct map_shape {
  map_type type;
  char const* name;
  std::uint32_t key_size;
  std::uint32_t value_size;
  std::uint32_t max_entries;
  std::uint32_t flags;
  std::uint32_t numa_node;
  std::uint64_t map_extra;
  std::uint32_t btf_fd;
  std::uint32_t btf_key_type_id;
  std::uint32_t btf_value_type_id;
  std::uint32_t inner_map_fd;
};

inline int map_create(map_shape const& shape) noexcept {
  // Not LIBBPF_OPTS: that macro is a GNU statement expression.
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  options.map_flags = shape.flags;
  options.numa_node = shape.numa_node;
  options.map_extra = shape.map_extra;
  options.btf_fd = shape.btf_fd;
  options.btf_key_type_id = shape.btf_key_type_id;
  options.btf_value_type_id = shape.btf_value_type_id;
  options.inner_map_fd = shape.inner_map_fd;
  return bpf_map_create(static_cast<bpf_map_type>(shape.type), shape.name, shape.key_size, shape.value_size,
                        shape.max_entries, &options);
}

inline int map_info(int fd, raw_map_info& info) noexcept {
  info = {};
  auto length = static_cast<std::uint32_t>(sizeof info);
  return bpf_obj_get_info_by_fd(fd, &info, &length);  // bpf_map_get_info_by_fd is newer than libbpf 1.1
}

// The hot path: libbpf's own functions, with nothing before or after.
inline int map_lookup(int fd, void const* key, void* value) noexcept { return bpf_map_lookup_elem(fd, key, value); }
inline int map_lookup(int fd, void const* key, void* value, std::uint64_t flags) noexcept {
  return bpf_map_lookup_elem_flags(fd, key, value, flags);
}
inline int map_update(int fd, void const* key, void const* value, std::uint64_t flags) noexcept {
  return bpf_map_update_elem(fd, key, value, flags);
}
inline int map_delete(int fd, void const* key) noexcept { return bpf_map_delete_elem(fd, key); }
inline int map_extract(int fd, void const* key, void* value) noexcept {
  return bpf_map_lookup_and_delete_elem(fd, key, value);
}
inline int map_next_key(int fd, void const* key, void* next) noexcept { return bpf_map_get_next_key(fd, key, next); }

/// `in` and `out` may be the same memory; `in` is null at the start.
inline int map_lookup_batch(int fd, void* in, void* out, void* keys, void* values, std::uint32_t& count) noexcept {
  return bpf_map_lookup_batch(fd, in, out, keys, values, &count, nullptr);
}

/// As map_lookup_batch(), and what was copied is deleted, bucket by bucket.
inline int map_extract_batch(int fd, void* in, void* out, void* keys, void* values, std::uint32_t& count) noexcept {
  return bpf_map_lookup_and_delete_batch(fd, in, out, keys, values, &count, nullptr);
}

/// `count` in: how many; out: how many were done before one failed, or what it was if the kernel refused at once.
inline int map_update_batch(int fd, void const* keys, void const* values, std::uint32_t& count) noexcept {
  return bpf_map_update_batch(fd, keys, values, &count, nullptr);
}
inline int map_delete_batch(int fd, void const* keys, std::uint32_t& count) noexcept {
  return bpf_map_delete_batch(fd, keys, &count, nullptr);
}

inline int map_freeze(int fd) noexcept { return bpf_map_freeze(fd); }
/// What opens a descriptor takes flags for: BPF_F_RDONLY, BPF_F_WRONLY, or none for both reading and writing.
inline int map_fd_by_id(std::uint32_t id, std::uint32_t flags = 0) noexcept {
#if LIBBPF_MAJOR_VERSION > 1 || LIBBPF_MINOR_VERSION >= 1
  bpf_get_fd_by_id_opts options{};
  options.sz = sizeof options;
  options.open_flags = flags;
  return bpf_map_get_fd_by_id_opts(id, &options);
#else
  return flags == 0 ? bpf_map_get_fd_by_id(id) : -EOPNOTSUPP;
#endif
}
inline int object_pin(int fd, char const* path) noexcept { return bpf_obj_pin(fd, path); }
inline int object_get(char const* path, std::uint32_t flags = 0) noexcept {
  struct bpf_obj_get_opts options {};
  options.sz = sizeof options;
  options.file_flags = flags;
  return bpf_obj_get_opts(path, &options);
}

/// A link that registers a struct_ops map: BPF_LINK_CREATE, and putting another map in its place: BPF_LINK_UPDATE.
inline int struct_ops_link_create(int map_fd) noexcept {
  constexpr auto struct_ops = static_cast<bpf_attach_type>(44);  // BPF_STRUCT_OPS, Linux 6.4
  return bpf_link_create(map_fd, 0, struct_ops, nullptr);
}
inline int struct_ops_link_update(int link_fd, int map_fd) noexcept {
  return bpf_link_update(link_fd, map_fd, nullptr);
}

// A map of a libbpf object.

inline char const* name_of(::bpf_map const* map) noexcept { return bpf_map__name(map); }
inline map_type type_of(::bpf_map const* map) noexcept { return static_cast<map_type>(bpf_map__type(map)); }
/// Negative: the object is not loaded, or does not create it.
inline int fd_of(::bpf_map const* map) noexcept { return bpf_map__fd(map); }
/// What libbpf has of its memory, or null.
inline std::byte* memory_of(::bpf_map const* map) noexcept {
  std::size_t bytes = 0;
  // Neither what it takes nor what it gives is const in every libbpf.
  void const* const at = bpf_map__initial_value(const_cast<::bpf_map*>(map), &bytes);  // NOLINT(*-const-cast)
  return static_cast<std::byte*>(const_cast<void*>(at));                               // NOLINT(*-const-cast)
}
/// Null, and errno, if it fails.
inline ::bpf_link* struct_ops_attach(::bpf_map const* map) noexcept { return bpf_map__attach_struct_ops(map); }
inline int fd_of(::bpf_link const* link) noexcept { return bpf_link__fd(link); }
/// Frees libbpf's link; what it stands for ends with it, or goes on.
inline void free_link(::bpf_link* link) noexcept { static_cast<void>(bpf_link__destroy(link)); }
inline void free_link_only(::bpf_link* link) noexcept {
  bpf_link__disconnect(link);
  free_link(link);
}

/// Where a program's functions begin, and their types, for programs with more than one.
struct program_functions {
  int btf_fd = 0;
  bpf_func_info const* places = nullptr;
  std::uint32_t count = 0;
};

/// Of the small programs that bpfmap writes itself.
inline int program_load(bpf_prog_type type, char const* name, char const* license, bpf_insn const* code,
                        std::size_t count, std::uint32_t flags, program_functions const& functions = {}) noexcept {
  bpf_prog_load_opts options{};
  options.sz = sizeof options;
  options.prog_flags = flags;
  if (functions.count != 0) {
    options.prog_btf_fd = static_cast<std::uint32_t>(functions.btf_fd);
    options.func_info = functions.places;
    options.func_info_cnt = functions.count;
    options.func_info_rec_size = sizeof *functions.places;
  }
  int loaded = bpf_prog_load(type, name, license, code, count, &options);
  if (loaded == -EAGAIN) {
    // A signal ends the verifier's work, and libbpf tries five times only. A program of ours takes it some µs.
    detail::signals_held const held;
    loaded = bpf_prog_load(type, name, license, code, count, &options);
  }
  return loaded;
}

inline int program_run(int fd, bpf_test_run_opts& options) noexcept {
  options.sz = sizeof options;
  return bpf_prog_test_run_opts(fd, &options);
}

/// Of a program of bpfmap's own, which may be run again: on older kernels a signal makes the answer EINTR, although the
/// program has run.
inline int own_program_run(int fd, bpf_test_run_opts& options) noexcept {
  int result = program_run(fd, options);
  if (result == -EINTR || result == -EAGAIN) {
    detail::signals_held const held;
    result = program_run(fd, options);
  }
  return result;
}

}  // namespace bpfmap::inline BPFMAP_ABI::sys

#endif
