// SPDX-License-Identifier: MIT
// The functions of libbpf that bpfmap calls for maps and programs, as C functions with libbpf's names.
#include "fake_kernel.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

using fake::another;
using fake::answer;
using fake::call;
using fake::enotsupp;
using fake::file_of;
using fake::guard;
using fake::kernel;
using fake::kind;
using fake::make;
using fake::make_a_map;
using fake::map_of;
using fake::next_batch_answer;
using fake::no_map;
using fake::object;
using fake::object_of;
using fake::run_before;
using fake::scripted;

namespace {

bool valid_name(std::string_view name) {
  return name.size() < 16 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
         });
}

// The rules for the types that bpfmap creates, as far as its callers can break them.
int refusal(fake::shape const& wanted) {
  bool const array = wanted.type == 2 || wanted.type == 4 || wanted.type == 6;
  bool const per_cpu = wanted.type == 5 || wanted.type == 6 || wanted.type == 10;
  bool const lru = wanted.type == 9 || wanted.type == 10;
  if (fake::is_storage(wanted.type)) {
    bool const described = wanted.btf_fd != 0 && wanted.btf_key_type_id != 0 && wanted.btf_value_type_id != 0;
    return described && wanted.key_size == 4 && wanted.max_entries == 0 && (wanted.flags & 1U) != 0 ? 0 : -EINVAL;
  }
  if (wanted.type == 27 || wanted.type == 31) {
    bool const round = std::has_single_bit(wanted.max_entries) && wanted.max_entries % 4096 == 0;
    return round && wanted.key_size == 0 && wanted.value_size == 0 ? 0 : -EINVAL;
  }
  if (wanted.type == 33) return wanted.max_entries != 0 && (wanted.flags & 1U << 10U) != 0 ? 0 : -EINVAL;
  if (!array && wanted.type != 1 && wanted.type != 5 && !lru) return -EINVAL;
  if (!valid_name(wanted.name) || wanted.max_entries == 0 || wanted.value_size == 0) return -EINVAL;
  if (array ? wanted.key_size != 4 : wanted.key_size == 0) return -EINVAL;
  if (lru && (wanted.flags & 1U) != 0) return -enotsupp;
  if ((wanted.flags & ~0x1fffU) != 0 || wanted.map_extra != 0) return -EINVAL;
  if ((wanted.flags & 1U << 10U) != 0 && wanted.type != 2) return -EINVAL;
  if (per_cpu && (wanted.flags & 4U) != 0) return -EINVAL;
  if (per_cpu && (wanted.value_size + 7) / 8 * 8 > 32768) return -E2BIG;
  return 0;
}

}  // namespace

extern "C" {

// By its symbol: types that the system's header does not know are no values of its enum.
int fake_map_create(__u32 type, char const* name, __u32 key_size, __u32 value_size, __u32 max_entries,
                    bpf_map_create_opts const* options) __asm__("bpf_map_create");
int fake_map_create(__u32 type, char const* name, __u32 key_size, __u32 value_size, __u32 max_entries,
                    bpf_map_create_opts const* options) {
  run_before(call::map_create);
  guard const lock;
  fake::shape wanted{type, key_size, value_size, max_entries, 0, name == nullptr ? "" : name};
  if (options != nullptr) {
    wanted.flags = options->map_flags;
    wanted.numa_node = options->numa_node;
    wanted.map_extra = options->map_extra;
    wanted.btf_fd = options->btf_fd;
    wanted.btf_key_type_id = options->btf_key_type_id;
    wanted.btf_value_type_id = options->btf_value_type_id;
  }
  kernel().created = wanted;
  if (auto const said = scripted(call::map_create)) return answer(*said);
  if (int const refused = refusal(wanted); refused != 0) return answer(refused);
  return answer(make_a_map(wanted));
}

int bpf_obj_get_info_by_fd(int fd, void* info, __u32* length) {
  run_before(call::map_info);
  guard const lock;
  if (auto const said = scripted(call::map_info)) return answer(*said);
  object const* const found = object_of(fd);
  if (found == nullptr) return answer(::fcntl(fd, F_GETFD) < 0 ? -EBADFD : -EINVAL);
  // What is longer than the kernel's own struct must be zero.
  auto* const to = static_cast<std::byte*>(info);
  for (std::uint32_t i = kernel().info_bytes; i < *length; ++i) {
    if (to[i] != std::byte{0}) return answer(-E2BIG);
  }
  std::array<std::byte, 512> about{};
  if (found->map != nullptr) {
    fake::map const& map = *found->map;
    bpf_map_info raw{};
    raw.type = map.made.type;
    raw.id = map.id;
    raw.key_size = map.made.key_size;
    raw.value_size = map.made.value_size;
    raw.max_entries = map.made.max_entries;
    raw.map_flags = map.made.flags & ~0x18U;  // a descriptor's permissions are no property of the map
    raw.map_extra = map.made.map_extra;
    raw.btf_id = map.made.btf_fd;
    raw.btf_key_type_id = map.made.btf_key_type_id;
    raw.btf_value_type_id = map.made.btf_value_type_id;
    std::memcpy(raw.name, map.made.name.data(), std::min<std::size_t>(map.made.name.size(), sizeof raw.name - 1));
    std::memcpy(about.data(), &raw, sizeof raw);
  } else {
    // A program's: its type and id stand where a map's do.
    bpf_prog_info raw{};
    raw.type = BPF_PROG_TYPE_SOCKET_FILTER;
    raw.id = 77;
    std::memcpy(about.data(), &raw, sizeof raw);
  }
  *length = std::min(*length, kernel().info_bytes);
  fake::write_user(info, about.data(), *length);
  return answer(0);
}

int bpf_map_lookup_elem_flags(int fd, void const* key, void* value, __u64 flags) {
  run_before(call::lookup);
  guard const lock;
  kernel().lookup_flags = flags;
  if (auto const said = scripted(call::lookup)) return answer(*said);
  fake::map const* const map = map_of(fd);
  return answer(map == nullptr ? no_map(fd) : map->lookup(key, value, flags));
}

int bpf_map_lookup_elem(int fd, void const* key, void* value) { return bpf_map_lookup_elem_flags(fd, key, value, 0); }

int bpf_map_update_elem(int fd, void const* key, void const* value, __u64 flags) {
  run_before(call::update);
  guard const lock;
  fake::map* const map = map_of(fd);
  kernel().update_flags = flags;
  if (map != nullptr && value != nullptr) {
    // BPF_F_CPU and BPF_F_ALL_CPUS bring one value for all that are written.
    bool const one = (flags & (8 | 16)) != 0;
    kernel().value = fake::read_user(value, one ? map->made.value_size : map->element_bytes());
  }
  if (auto const said = scripted(call::update)) return answer(*said);
  return answer(map == nullptr ? no_map(fd) : map->update(key, value, flags));
}

int bpf_map_delete_elem(int fd, void const* key) {
  run_before(call::erase);
  guard const lock;
  if (auto const said = scripted(call::erase)) return answer(*said);
  fake::map* const map = map_of(fd);
  return answer(map == nullptr ? no_map(fd) : map->erase(key));
}

int bpf_map_lookup_and_delete_elem(int fd, void const* key, void* value) {
  run_before(call::extract);
  guard const lock;
  if (auto const said = scripted(call::extract)) return answer(*said);
  fake::map* const map = map_of(fd);
  return answer(map == nullptr ? no_map(fd) : map->extract(key, value));
}

int bpf_map_get_next_key(int fd, void const* key, void* next) {
  run_before(call::next_key);
  guard const lock;
  if (auto const said = scripted(call::next_key)) return answer(*said);
  fake::map const* const map = map_of(fd);
  return answer(map == nullptr ? no_map(fd) : map->next_key(key, next));
}

int bpf_map_lookup_batch(int fd, void* in, void* out, void* keys, void* values, __u32* count,
                         bpf_map_batch_opts const* options) {
  call const which = *count == 0 ? call::empty_batch : call::lookup_batch;
  run_before(which);
  guard const lock;
  if (auto const said = scripted(which)) return answer(*said);
  fake::map const* const map = map_of(fd);
  if (map == nullptr) return answer(no_map(fd));
  if (options != nullptr && (options->flags != 0 || options->elem_flags != 0)) return answer(-EINVAL);
  auto const script = which == call::lookup_batch ? next_batch_answer() : std::nullopt;
  return answer(map->lookup_batch(in, out, keys, values, *count, script));
}

int bpf_map_update_batch(int fd, void const* keys, void const* values, __u32* count, bpf_map_batch_opts const*) {
  run_before(call::update_batch);
  guard const lock;
  if (auto const said = scripted(call::update_batch)) return answer(*said);
  fake::map* const map = map_of(fd);
  return answer(map == nullptr ? no_map(fd) : map->update_batch(keys, values, *count));
}

int bpf_map_delete_batch(int fd, void const* keys, __u32* count, bpf_map_batch_opts const*) {
  run_before(call::delete_batch);
  guard const lock;
  if (auto const said = scripted(call::delete_batch)) return answer(*said);
  fake::map* const map = map_of(fd);
  return answer(map == nullptr ? no_map(fd) : map->delete_batch(keys, *count));
}

int bpf_map_lookup_and_delete_batch(int fd, void* in, void* out, void* keys, void* values, __u32* count,
                                    bpf_map_batch_opts const*) {
  run_before(call::extract_batch);
  guard const lock;
  if (auto const said = scripted(call::extract_batch)) return answer(*said);
  fake::map* const map = map_of(fd);
  return answer(map == nullptr ? no_map(fd) : map->extract_batch(in, out, keys, values, *count));
}

int bpf_map_freeze(int fd) {
  run_before(call::freeze);
  guard const lock;
  if (auto const said = scripted(call::freeze)) return answer(*said);
  fake::map* const map = map_of(fd);
  if (map == nullptr) return answer(no_map(fd));
  if (map->locks) return answer(-enotsupp);
  if (map->frozen || map->access_mode == O_RDONLY) return answer(-EPERM);
  map->freeze();
  return answer(0);
}

int bpf_map_get_fd_by_id(__u32 id) { return bpf_map_get_fd_by_id_opts(id, nullptr); }

int bpf_map_get_fd_by_id_opts(__u32 id, bpf_get_fd_by_id_opts const* options) {
  run_before(call::fd_by_id);
  guard const lock;
  if (auto const said = scripted(call::fd_by_id)) return answer(*said);
  for (auto const& each : kernel().objects) {
    if (each.second.map != nullptr && each.second.map->id == id) {
      int const fd = another(each.second.own_fd, options == nullptr ? 0 : options->open_flags);
      return answer(fd < 0 ? -errno : fd);
    }
  }
  return answer(-ENOENT);
}

// A pin is a file at that path, which stands for the object.
int bpf_obj_pin(int fd, char const* path) {
  run_before(call::pin);
  guard const lock;
  if (auto const said = scripted(call::pin)) return answer(*said);
  auto const file = file_of(fd);
  if (!file || !kernel().objects.contains(*file)) return answer(-EINVAL);
  int const made = ::open(path, O_CREAT | O_EXCL | O_CLOEXEC | O_WRONLY, 0600);
  if (made < 0) return answer(-errno);
  kernel().pins[*file_of(made)] = *file;
  ::close(made);
  return answer(0);
}

int bpf_obj_get(char const* path) { return bpf_obj_get_opts(path, nullptr); }

int bpf_obj_get_opts(char const* path, struct bpf_obj_get_opts const* options) {
  run_before(call::get);
  guard const lock;
  if (auto const said = scripted(call::get)) return answer(*said);
  struct stat about {};
  if (::stat(path, &about) != 0) return answer(-errno);
  auto const pin = kernel().pins.find({about.st_dev, about.st_ino});
  if (pin == kernel().pins.end()) return answer(-EACCES);
  int const fd = another(kernel().objects.at(pin->second).own_fd, options == nullptr ? 0 : options->file_flags);
  return answer(fd < 0 ? -errno : fd);
}

// By its symbol: libbpf 1.2 and newer write into the options, older ones take const ones.
int fake_prog_load(bpf_prog_type type, char const* name, char const* license, bpf_insn const* code, size_t count,
                   bpf_prog_load_opts const* options) __asm__("bpf_prog_load");
int fake_prog_load(bpf_prog_type type, char const* name, char const* license, bpf_insn const* code, size_t count,
                   bpf_prog_load_opts const* options) {
  run_before(call::program_load);
  guard const lock;
  if (auto const said = scripted(call::program_load)) return answer(*said);
  if (type != BPF_PROG_TYPE_SYSCALL || options == nullptr || options->prog_flags != BPF_F_SLEEPABLE) {
    return answer(-EINVAL);
  }
  if (!valid_name(name) || std::string_view(license).find("GPL") == std::string_view::npos) return answer(-EINVAL);
  object trial;
  trial.code.assign(code, code + count);
  for (bpf_insn const& each : trial.code) {
    if (each.code != (BPF_LD | BPF_DW | BPF_IMM)) continue;
    if (each.src_reg != BPF_PSEUDO_MAP_FD && each.src_reg != BPF_PSEUDO_MAP_VALUE) continue;
    auto const file = file_of(each.imm);
    if (!file || map_of(each.imm) == nullptr) return answer(-EBADF);
    trial.maps_of_code[each.imm] = *file;
  }
  std::uint32_t result = 0;
  if (!fake::run(trial, nullptr, 0, result) || result != 0) return answer(-EINVAL);
  auto const [made, fd] = make(kind::program);
  if (made == nullptr) return answer(fd);
  made->code = std::move(trial.code);
  made->maps_of_code = std::move(trial.maps_of_code);
  return answer(fd);
}

int bpf_prog_test_run_opts(int fd, bpf_test_run_opts* options) {
  run_before(call::program_run);
  guard const lock;
  if (auto const said = scripted(call::program_run)) return answer(*said);
  object const* const program = object_of(fd);
  if (program == nullptr || program->what != kind::program) return answer(no_map(fd));
  // SYSCALL programs: the context is copied back to where it came from. They need none.
  if (options->ctx_out != nullptr || options->data_in != nullptr) return answer(-EINVAL);
  if (options->ctx_in == nullptr) {
    return answer(fake::run(*program, nullptr, 0, options->retval) ? 0 : -EINVAL);
  }
  fake::bytes context = fake::read_user(options->ctx_in, options->ctx_size_in);
  if (!fake::run(*program, reinterpret_cast<unsigned char*>(context.data()), context.size(), options->retval)) {
    return answer(-EINVAL);
  }
  fake::write_user(const_cast<void*>(options->ctx_in), context.data(), context.size());
  return answer(0);
}

int bpf_map__fd(bpf_map const* map) { return map->fd; }
char const* bpf_map__name(bpf_map const* map) { return map->name.c_str(); }

// Only whether a link is there, and where, is of interest.
int bpf_link_create(int, int, bpf_attach_type, bpf_link_create_opts const*) {
  run_before(call::link_create);
  guard const lock;
  if (auto const said = scripted(call::link_create)) return answer(*said);
  return answer(make(kind::link).second);
}
int bpf_link_update(int link, int, bpf_link_update_opts const*) {
  run_before(call::link_update);
  guard const lock;
  if (auto const said = scripted(call::link_update)) return answer(*said);
  object const* const found = object_of(link);
  return answer(found != nullptr && found->what == kind::link ? 0 : -EINVAL);
}
}
