// SPDX-License-Identifier: MIT
// libbpf's objects, programs and links, as far as bpfmap::object and bpfmap::program use them: what an object file
// holds is what the test said.
#include "fake_libbpf.hpp"
#include "fake_map.hpp"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

struct bpf_program {
  std::string name;
  std::string section;
  int fd = -1;
  bool autoload = true;
  bool loaded = false;
};

struct bpf_link {
  int fd;
  int map_of_struct_ops = -1;  // its registration ends when this is destroyed, unless it was disconnected
};

struct bpf_object {
  std::string name;
  std::vector<std::unique_ptr<bpf_program>> programs;
  std::vector<std::unique_ptr<bpf_map>> maps;
  bool loaded = false;
};

namespace {

using fake::answer;
using fake::call;
using fake::scripted;

bool newer_libbpf = false;

fake::object_shape& found_object() {
  static auto* const shape = new fake::object_shape;
  return *shape;
}

bpf_object* open_object(char const* name) {
  if (auto const said = scripted(call::object_open)) {
    answer(*said);
    return nullptr;
  }
  auto* const made = new bpf_object{name == nullptr ? "tool" : name, {}, {}};
  for (std::string const& each : found_object().programs) {
    made->programs.push_back(std::make_unique<bpf_program>(bpf_program{each, "raw_tp/sys_enter"}));
  }
  for (fake::shape const& each : found_object().maps) {
    made->maps.push_back(std::make_unique<bpf_map>(bpf_map{each.name, -1, each}));
  }
  return made;
}

template <class T>
T* after(std::vector<std::unique_ptr<T>> const& all, T const* one) {
  if (one == nullptr) return all.empty() ? nullptr : all.front().get();
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    if (all[i].get() == one) return all[i + 1].get();
  }
  return nullptr;
}

template <class T>
T* named(std::vector<std::unique_ptr<T>> const& all, std::string const& name) {
  for (auto const& each : all) {
    if (each->name == name) return each.get();
  }
  answer(-ENOENT);
  return nullptr;
}

}  // namespace

namespace fake {

void set_object(object_shape const& found) { found_object() = found; }
void make_links_of_struct_ops(bool newer) { newer_libbpf = newer; }
void set_mapped(bpf_map* map, void* memory) { map->mapped = memory; }

}  // namespace fake

extern "C" {

bpf_object* bpf_object__open_file(char const*, bpf_object_open_opts const* o) { return open_object(o->object_name); }
bpf_object* bpf_object__open_mem(void const*, size_t, bpf_object_open_opts const* o) {
  return open_object(o->object_name);
}
char const* bpf_object__name(bpf_object const* object) { return object->name.c_str(); }
btf* bpf_object__btf(bpf_object const*) { return nullptr; }

int bpf_object__load(bpf_object* object) {
  if (auto const said = scripted(call::object_load)) return answer(*said);
  for (auto const& each : object->maps) {
    if (each->autocreate) each->fd = fake::make_map(each->made);
  }
  for (auto const& each : object->programs) {
    each->loaded = true;
    if (each->autoload) each->fd = fake::make_program();
  }
  object->loaded = true;
  return answer(0);
}

void bpf_object__close(bpf_object* object) {
  for (auto const& each : object->maps) {
    if (each->fd >= 0) ::close(each->fd);
  }
  for (auto const& each : object->programs) {
    if (each->fd >= 0) ::close(each->fd);
  }
  delete object;
}

bpf_program* bpf_object__next_program(bpf_object const* object, bpf_program* one) {
  return after(object->programs, one);
}
bpf_program* bpf_object__find_program_by_name(bpf_object const* object, char const* name) {
  return named(object->programs, name);
}
bpf_map* bpf_object__next_map(bpf_object const* object, bpf_map const* one) { return after(object->maps, one); }
bpf_map* bpf_object__find_map_by_name(bpf_object const* object, char const* name) { return named(object->maps, name); }

char const* bpf_program__name(bpf_program const* program) { return program->name.c_str(); }
char const* bpf_program__section_name(bpf_program const* program) { return program->section.c_str(); }
int bpf_program__fd(bpf_program const* program) { return program->fd < 0 ? answer(-ENOENT) : program->fd; }
bool bpf_program__autoload(bpf_program const* program) { return program->autoload; }
int bpf_program__set_autoload(bpf_program* program, bool on) {
  if (program->loaded) return answer(-EINVAL);
  program->autoload = on;
  return 0;
}
bpf_link* bpf_program__attach(bpf_program const*) {
  if (auto const said = scripted(call::attach)) {
    answer(*said);
    return nullptr;
  }
  return new bpf_link{fake::make_link()};
}
int bpf_link__fd(bpf_link const* link) { return link->fd; }
int bpf_link__destroy(bpf_link* link) {
  if (link->map_of_struct_ops >= 0) {
    std::uint32_t const key = 0;
    bpf_map_delete_elem(link->map_of_struct_ops, &key);
  } else if (link->fd >= 0) {
    ::close(link->fd);
  }
  delete link;
  return answer(0);
}
void bpf_link__disconnect(bpf_link* link) { *link = {-1}; }

// Gives the kernel the functions: the state, the second number of the value, changes. A link of libbpf before 1.2, or
// of a map without links, has the map's own descriptor.
bpf_link* bpf_map__attach_struct_ops(bpf_map const* map) {
  if (auto const said = scripted(call::attach)) {
    answer(*said);
    return nullptr;
  }
  bool const by_link = (map->made.flags & 1U << 13U) != 0;
  std::uint32_t const key = 0;
  std::vector<std::uint32_t> value(map->made.value_size / 4);
  value[0] = 1;
  value[1] = by_link ? 3 : 1;
  fake::put(map->fd, &key, value.data());
  if (!by_link) return new bpf_link{map->fd, map->fd};
  if (!newer_libbpf) return new bpf_link{map->fd, map->fd};
  int const fd = bpf_link_create(map->fd, 0, static_cast<bpf_attach_type>(44), nullptr);
  return fd < 0 ? nullptr : new bpf_link{fd};
}

bpf_map_type bpf_map__type(bpf_map const* map) { return static_cast<bpf_map_type>(map->made.type); }
__u32 bpf_map__max_entries(bpf_map const* map) { return map->made.max_entries; }
__u32 bpf_map__value_size(bpf_map const* map) { return map->made.value_size; }
__u32 bpf_map__map_flags(bpf_map const* map) { return map->made.flags; }
bool bpf_map__autocreate(bpf_map const* map) { return map->autocreate; }
bool bpf_map__is_internal(bpf_map const*) { return false; }
__u32 bpf_map__btf_value_type_id(bpf_map const*) { return 0; }
// Its types differ between releases of libbpf, so it is defined by its symbol.
void* fake_initial_value(bpf_map* map, size_t* bytes) __asm__("bpf_map__initial_value");
void* fake_initial_value(bpf_map* map, size_t* bytes) {
  *bytes = map->made.value_size;
  return map->mapped;
}
int bpf_map__set_autocreate(bpf_map* map, bool on) {
  if (map->fd >= 0) return answer(-EBUSY);
  map->autocreate = on;
  return 0;
}
int bpf_map__set_max_entries(bpf_map* map, __u32 entries) {
  if (map->fd >= 0) return answer(-EBUSY);
  map->made.max_entries = entries;
  return 0;
}

btf_type const* btf__type_by_id(btf const*, __u32) { return nullptr; }
char const* btf__name_by_offset(btf const*, __u32) { return nullptr; }

libbpf_print_fn_t libbpf_set_print(libbpf_print_fn_t next) {
  static libbpf_print_fn_t current = nullptr;
  return std::exchange(current, next);
}
}

// Programs of the fake have no instructions, and so call no helper that a kernel might lack.
extern "C" bpf_insn const* bpf_program__insns(bpf_program const*) { return nullptr; }
extern "C" size_t bpf_program__insn_cnt(bpf_program const*) { return 0; }
extern "C" bpf_prog_type bpf_program__type(bpf_program const*) { return BPF_PROG_TYPE_RAW_TRACEPOINT; }
extern "C" int libbpf_probe_bpf_helper(bpf_prog_type, bpf_func_id, void const*) { return 1; }
