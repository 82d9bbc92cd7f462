// SPDX-License-Identifier: MIT
// libbpf's objects, programs and links, as far as bpfmap::object and bpfmap::program use them: what an object file
// holds is what the test said.
#include "fake_libbpf.hpp"
#include "fake_map.hpp"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
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
  std::vector<bpf_insn> code = {};
};

// Types as the words that they are, numbered from 1: a section, and then its variables.
struct btf {
  std::vector<std::vector<std::uint32_t>> types;
  std::vector<std::string> names;
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
  btf types = {};
  std::vector<std::byte> constants = {};
};

namespace {

using fake::answer;
using fake::call;
using fake::scripted;

bool newer_libbpf = false;

std::atomic<libbpf_print_fn_t> print_callback{nullptr};
std::vector<std::pair<call, std::string>> to_print;
std::vector<std::pair<std::string, std::string>> logs;

[[gnu::format(printf, 1, 2)]] void print(char const* format, ...) {
  libbpf_print_fn_t const callback = print_callback;
  if (callback == nullptr) return;
  va_list arguments;
  va_start(arguments, format);
  callback(LIBBPF_WARN, format, arguments);
  va_end(arguments);
}

void print_what_is_said(call which) {
  for (auto const& [when, text] : std::exchange(to_print, {})) {
    if (when == which)
      print("%s", text.c_str());
    else
      to_print.emplace_back(when, text);
  }
}

fake::object_shape& found_object() {
  static auto* const shape = new fake::object_shape;
  return *shape;
}

constexpr char const* constants_map = ".rodata";

void add_constants(bpf_object& object, std::vector<fake::constant> const& constants) {
  if (constants.empty()) return;
  std::vector<std::uint32_t> section(3);
  std::vector<std::vector<std::uint32_t>> variables;
  std::uint32_t size = 0;
  for (fake::constant const& each : constants) {
    auto const number = static_cast<std::uint32_t>(variables.size());
    section.insert(section.end(), {number + 2, size + each.too_far, each.bytes});
    variables.push_back({number, BTF_KIND_VAR << 24U, 0, BTF_VAR_GLOBAL_ALLOCATED});
    object.types.names.push_back(each.name);
    size += (each.bytes + 7) / 8 * 8;
  }
  section[1] = BTF_KIND_DATASEC << 24U | static_cast<std::uint32_t>(constants.size());
  section[2] = size;
  object.types.types = {section};
  object.types.types.insert(object.types.types.end(), variables.begin(), variables.end());
  object.constants.resize(size);
  fake::shape const made{.type = 2, .value_size = size, .max_entries = 1, .name = constants_map};
  object.maps.push_back(
      std::make_unique<bpf_map>(bpf_map{constants_map, -1, made, true, nullptr, object.constants.data()}));
}

// The declarations of the maps, as the compiler describes them: `type` is a pointer to an array of numbers, and of a
// striped array one to an array of arrays.
void add_declarations(btf& types, std::vector<fake::shape> const& maps) {
  auto const add = [&](std::vector<std::uint32_t> type) {
    types.types.push_back(std::move(type));
    return static_cast<std::uint32_t>(types.types.size());
  };
  auto const name = [&](std::string const& text) {
    types.names.push_back(text);
    return static_cast<std::uint32_t>(types.names.size() - 1);
  };
  std::uint32_t const number = add({name("int"), BTF_KIND_INT << 24U, 4, 32});
  std::vector<std::uint32_t> section{name(".maps"), BTF_KIND_DATASEC << 24U | static_cast<std::uint32_t>(maps.size()),
                                     0};
  for (fake::shape const& each : maps) {
    auto const array_of = [&](std::uint32_t of, std::uint32_t elements) {
      return add({0, BTF_KIND_ARRAY << 24U, 0, of, number, elements});
    };
    std::uint32_t const of = each.striped == 0 ? number : array_of(number, each.striped);
    std::uint32_t const type = add({0, BTF_KIND_PTR << 24U, array_of(of, each.type)});
    std::uint32_t const entries = add({0, BTF_KIND_PTR << 24U, array_of(number, each.max_entries)});
    std::uint32_t const declaration =
        add({0, BTF_KIND_STRUCT << 24U | 2U, 16, name("max_entries"), entries, 0, name("type"), type, 64});
    section.insert(section.end(), {add({name(each.name), BTF_KIND_VAR << 24U, declaration, 1}), 0, 16});
  }
  add(std::move(section));
}

bpf_object* open_object(char const* name) {
  print_what_is_said(call::object_open);
  if (auto const said = scripted(call::object_open)) {
    answer(*said);
    return nullptr;
  }
  auto* const made = new bpf_object{name == nullptr ? "tool" : name, {}, {}};
  for (std::string const& each : found_object().programs) {
    made->programs.push_back(std::make_unique<bpf_program>(bpf_program{each, "raw_tp/sys_enter"}));
    for (fake::helper_call const& call : found_object().calls) {
      if (call.program != each) continue;
      bpf_insn one{};
      one.code = BPF_JMP | BPF_CALL;
      one.imm = call.helper;
      made->programs.back()->code.push_back(one);
    }
  }
  for (fake::shape const& each : found_object().maps) {
    made->maps.push_back(std::make_unique<bpf_map>(bpf_map{each.name, -1, each}));
  }
  add_constants(*made, found_object().constants);
  add_declarations(made->types, found_object().maps);
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
void prints(call which, std::vector<std::string> const& lines) {
  for (std::string const& each : lines) to_print.emplace_back(which, "libbpf: " + each + "\n");
}
void say(std::string const& line) { print("%s", line.c_str()); }
void prints_log(std::string const& program, std::string const& log) { logs.emplace_back(program, log); }
void set_mapped(bpf_map* map, void* memory) { map->mapped = memory; }

}  // namespace fake

extern "C" {

bpf_object* bpf_object__open_file(char const*, bpf_object_open_opts const* o) { return open_object(o->object_name); }
bpf_object* bpf_object__open_mem(void const*, size_t, bpf_object_open_opts const* o) {
  return open_object(o->object_name);
}
char const* bpf_object__name(bpf_object const* object) { return object->name.c_str(); }
btf* bpf_object__btf(bpf_object const* object) { return const_cast<btf*>(&object->types); }

int bpf_object__load(bpf_object* object) {
  print_what_is_said(call::object_load);
  for (auto const& [program, log] : std::exchange(logs, {})) {
    print("libbpf: prog '%s': BPF program load failed: Permission denied\n", program.c_str());
    print("libbpf: prog '%s': -- BEGIN PROG LOAD LOG --\n%s-- END PROG LOAD LOG --\n", program.c_str(), log.c_str());
  }
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
  print_what_is_said(call::attach);
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
__u32 bpf_map__key_size(bpf_map const* map) { return map->made.key_size; }
__u64 bpf_map__map_extra(bpf_map const* map) { return map->made.map_extra; }
char const* bpf_map__pin_path(bpf_map const* map) {
  return map->made.pinned.empty() ? nullptr : map->made.pinned.c_str();
}
bpf_map* bpf_map__inner_map(bpf_map*) { return nullptr; }
int bpf_map__set_map_flags(bpf_map* map, __u32 flags) {
  map->made.flags = flags;
  return 0;
}
bool bpf_map__autocreate(bpf_map const* map) { return map->autocreate; }
bool bpf_map__is_internal(bpf_map const* map) { return map->initial != nullptr; }
__u32 bpf_map__btf_value_type_id(bpf_map const* map) { return map->initial == nullptr ? 0 : 1; }
// Its types differ between releases of libbpf, so it is defined by its symbol.
void* fake_initial_value(bpf_map* map, size_t* bytes) __asm__("bpf_map__initial_value");
void* fake_initial_value(bpf_map* map, size_t* bytes) {
  *bytes = map->made.value_size;
  return map->initial != nullptr ? static_cast<void*>(map->initial) : map->mapped;
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

btf_type const* btf__type_by_id(btf const* types, __u32 id) {
  return id == 0 || id > types->types.size() ? nullptr : reinterpret_cast<btf_type const*>(types->types[id - 1].data());
}
char const* btf__name_by_offset(btf const* types, __u32 offset) { return types->names[offset].c_str(); }

libbpf_print_fn_t libbpf_set_print(libbpf_print_fn_t next) { return print_callback.exchange(next); }
__u32 libbpf_major_version() { return 1; }
__u32 libbpf_minor_version() { return 1; }

// The instructions of a program are its calls of helpers.
bpf_insn const* bpf_program__insns(bpf_program const* program) { return program->code.data(); }
size_t bpf_program__insn_cnt(bpf_program const* program) { return program->code.size(); }
bpf_prog_type bpf_program__type(bpf_program const*) { return BPF_PROG_TYPE_RAW_TRACEPOINT; }
int libbpf_probe_bpf_prog_type(bpf_prog_type, void const*) { return 1; }
int libbpf_probe_bpf_helper(bpf_prog_type, bpf_func_id helper, void const*) {
  for (fake::helper_call const& each : found_object().calls) {
    if (each.helper == static_cast<std::int32_t>(helper)) return each.probe;
  }
  return 1;
}
}
