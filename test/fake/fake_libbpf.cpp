// SPDX-License-Identifier: MIT
// The functions of libbpf that bpfmap calls for maps and programs, as C functions with libbpf's names.
#include "fake_libbpf.hpp"

#include "fake_map.hpp"
#include "heap.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using fake::bytes;
using fake::call;

constexpr int enotsupp = 524;
constexpr int spoilt_errno = 4321;

// A file is known by these two numbers, whichever of its descriptors one has.
using file_id = std::pair<dev_t, ino_t>;

enum class kind : std::uint8_t { map, program, link };

struct object {
  kind what = kind::map;
  int own_fd = -1;  // keeps the number from being used again
  std::unique_ptr<fake::map> map;
  std::vector<bpf_insn> code;
  std::map<int, file_id> maps_of_code;  // what its descriptors meant when it was loaded
};

struct script {
  struct entry {
    std::size_t after;
    std::size_t times;
    int error;
  };
  std::deque<entry> failures;
  std::function<void()> before;
  std::size_t calls = 0;
};

struct state {
  std::recursive_mutex mutex;
  std::map<file_id, object> objects;
  std::map<file_id, file_id> pins;  // the file at the path, and what it stands for
  std::array<script, static_cast<std::size_t>(call::count_)> scripts;
  std::deque<fake::batch_answer> batches;
  std::size_t batches_after = 0;
  std::deque<bpf_map> libbpf_maps;
  std::vector<std::string> violations;
  fake::shape created;
  bytes value;
  std::uint64_t update_flags = 0;
  std::uint64_t lookup_flags = 0;
  std::optional<std::int64_t> count;
  std::uint32_t info_bytes = 104;
  std::uint32_t next_id = 0;
};

state& kernel() {
  static auto* const made = new state;
  return *made;
}

class guard {
 public:
  guard() : lock_(kernel().mutex) {}

 private:
  heap::pause own_;
  std::lock_guard<std::recursive_mutex> lock_;
};

std::optional<file_id> file_of(int fd) {
  struct stat about {};
  if (::fstat(fd, &about) != 0) return std::nullopt;
  return file_id{about.st_dev, about.st_ino};
}

object* object_of(int fd) {
  auto const file = file_of(fd);
  if (!file) return nullptr;
  auto const found = kernel().objects.find(*file);
  return found == kernel().objects.end() ? nullptr : &found->second;
}

fake::map* map_of(int fd) {
  object* const found = object_of(fd);
  return found == nullptr ? nullptr : found->map.get();
}

// What every command on a map says about a descriptor that is none's.
int no_map(int fd) { return ::fcntl(fd, F_GETFD) < 0 ? -EBADF : -EINVAL; }

int another(int fd) { return ::fcntl(fd, F_DUPFD_CLOEXEC, 3); }

// A new object, with a descriptor for the caller.
std::pair<object*, int> make(kind what) {
  int const own = ::memfd_create("fake bpf object", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (own < 0) return {nullptr, -errno};
  object& made = kernel().objects[*file_of(own)];
  made.what = what;
  made.own_fd = own;
  int const theirs = another(own);
  return {&made, theirs < 0 ? -errno : theirs};
}

int make_a_map(fake::shape const& wanted) {
  auto const [made, fd] = make(kind::map);
  if (made == nullptr) return fd;
  made->map = std::make_unique<fake::map>(wanted, ++kernel().next_id, made->own_fd);
  return fd;
}

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

// The registers and instructions that the count program uses; anything else is refused, as by a verifier.
struct machine {
  std::array<std::uint64_t, 11> r{};
  fake::map* map = nullptr;
};

bool step(machine& m, object const& program, std::size_t& at, unsigned char* context, std::size_t context_bytes) {
  bpf_insn const& i = program.code[at];
  switch (i.code) {
    case BPF_ALU64 | BPF_MOV | BPF_X: m.r[i.dst_reg] = m.r[i.src_reg]; return true;
    case BPF_ALU64 | BPF_MOV | BPF_K: m.r[i.dst_reg] = static_cast<std::uint64_t>(std::int64_t{i.imm}); return true;
    case BPF_LD | BPF_DW | BPF_IMM: {
      if (i.src_reg != BPF_PSEUDO_MAP_FD || at + 1 >= program.code.size()) return false;
      auto const file = program.maps_of_code.find(i.imm);
      if (file == program.maps_of_code.end()) return false;
      m.map = kernel().objects.at(file->second).map.get();
      m.r[i.dst_reg] = 1;  // a pointer, whatever its bits
      ++at;
      return true;
    }
    case BPF_JMP | BPF_CALL: {
      if (i.src_reg != BPF_PSEUDO_KFUNC_CALL || i.off != 0 || m.r[1] != 1 || m.map == nullptr) return false;
      if (static_cast<std::uint32_t>(i.imm) != fake_files::count_function_id) return false;
      // Only hashes keep a counter: every other map answers 0.
      std::int64_t const counted = m.map->is_hash() ? static_cast<std::int64_t>(m.map->count()) : 0;
      m.r[0] = static_cast<std::uint64_t>(kernel().count.value_or(counted));
      return true;
    }
    case BPF_STX | BPF_MEM | BPF_DW: {
      if (m.r[i.dst_reg] != 2 || i.off != 0) return false;  // 2: the context
      if (context != nullptr && context_bytes >= 8) std::memcpy(context, &m.r[i.src_reg], 8);
      return true;
    }
    default: return false;
  }
}

bool run(object const& program, unsigned char* context, std::size_t context_bytes, std::uint32_t& result) {
  machine m;
  m.r[1] = 2;
  for (std::size_t at = 0; at < program.code.size(); ++at) {
    if (program.code[at].code == (BPF_JMP | BPF_EXIT)) {
      result = static_cast<std::uint32_t>(m.r[0]);
      return true;
    }
    if (!step(m, program, at, context, context_bytes)) return false;
  }
  return false;
}

std::optional<fake::batch_answer> next_batch_answer() {
  state& all = kernel();
  if (all.batches.empty()) return std::nullopt;
  if (all.batches_after != 0) {
    --all.batches_after;
    return std::nullopt;
  }
  fake::batch_answer const now = all.batches.front();
  all.batches.pop_front();
  return now;
}

void run_before(call which) {
  heap::pause const own;
  std::function<void()> work;
  {
    guard const lock;
    work = kernel().scripts[static_cast<std::size_t>(which)].before;
  }
  if (work) work();
}

}  // namespace

namespace fake {

void violate(std::string const& what) { kernel().violations.push_back(what); }

int answer(int result) {
  errno = result < 0 ? -result : spoilt_errno;
  return result;
}

std::optional<int> scripted(call which) {
  script& lines = kernel().scripts[static_cast<std::size_t>(which)];
  ++lines.calls;
  for (auto each = lines.failures.begin(); each != lines.failures.end(); ++each) {
    if (each->after != 0) {
      --each->after;
      return std::nullopt;
    }
    int const error = each->error;
    if (each->times != forever && --each->times == 0) lines.failures.erase(each);
    return -error;
  }
  return std::nullopt;
}

void reset() {
  guard const lock;
  state& all = kernel();
  for (auto const& each : all.objects) ::close(each.second.own_fd);
  all.objects.clear();
  all.pins.clear();
  all.scripts = {};
  all.batches.clear();
  all.batches_after = 0;
  all.libbpf_maps.clear();
  all.count.reset();
  all.info_bytes = 104;
}

std::size_t calls(call which) {
  guard const lock;
  return kernel().scripts[static_cast<std::size_t>(which)].calls;
}

void fail(call which, int error, std::size_t times, std::size_t after) {
  guard const lock;
  kernel().scripts[static_cast<std::size_t>(which)].failures.push_back({after, times, error});
}

void reset_script(call which) {
  guard const lock;
  kernel().scripts[static_cast<std::size_t>(which)].failures.clear();
}

void before(call which, std::function<void()> work) {
  guard const lock;
  kernel().scripts[static_cast<std::size_t>(which)].before = std::move(work);
}

void batches(std::vector<batch_answer> answers, std::size_t after) {
  guard const lock;
  kernel().batches.assign(answers.begin(), answers.end());
  kernel().batches_after = after;
}

int make_map(shape const& made) {
  guard const lock;
  return make_a_map(made);
}
int make_program() {
  guard const lock;
  return make(kind::program).second;
}
int make_link() {
  guard const lock;
  return make(kind::link).second;
}

shape last_created() {
  guard const lock;
  return kernel().created;
}
std::uint32_t id_of(int fd) {
  guard const lock;
  return map_of(fd)->id;
}
std::uint64_t elements_of(int fd) {
  guard const lock;
  return map_of(fd)->count();
}
void freeze(int fd) {
  guard const lock;
  map_of(fd)->freeze();
}
void give_lock(int fd) {
  guard const lock;
  map_of(fd)->locks = true;
}
void set_buckets(int fd, std::uint32_t buckets) {
  guard const lock;
  map_of(fd)->set_buckets(buckets);
}
void put(int fd, void const* key, void const* value) {
  guard const lock;
  map* const to = map_of(fd);
  to->put(read_user(key, to->made.key_size), read_user(value, to->element_bytes()));
}
void drop(int fd, void const* key) {
  guard const lock;
  map* const from = map_of(fd);
  from->drop(read_user(key, from->made.key_size));
}

bytes last_value() {
  guard const lock;
  return kernel().value;
}
std::uint64_t last_update_flags() {
  guard const lock;
  return kernel().update_flags;
}
std::uint64_t last_lookup_flags() {
  guard const lock;
  return kernel().lookup_flags;
}

void answer_count(std::optional<std::int64_t> count) {
  guard const lock;
  kernel().count = count;
}
void set_kernel_info_bytes(std::uint32_t number) {
  guard const lock;
  kernel().info_bytes = number;
}
std::size_t own_descriptors() {
  guard const lock;
  return kernel().objects.size();
}
std::vector<std::string> violations() {
  guard const lock;
  return std::exchange(kernel().violations, {});
}

bpf_map* libbpf_map(shape const& made) {
  guard const lock;
  int const fd = make_a_map(made);
  int const own = object_of(fd)->own_fd;
  ::close(fd);
  return &kernel().libbpf_maps.emplace_back(bpf_map{made.name, own, made});
}
bpf_map* unloaded_map(std::string const& name) {
  guard const lock;
  return &kernel().libbpf_maps.emplace_back(bpf_map{name});
}

}  // namespace fake

using fake::answer;
using fake::scripted;

extern "C" {

int bpf_map_create(bpf_map_type type, char const* name, __u32 key_size, __u32 value_size, __u32 max_entries,
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
  if (map != nullptr && value != nullptr) kernel().value = fake::read_user(value, map->element_bytes());
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

int bpf_map_freeze(int fd) {
  run_before(call::freeze);
  guard const lock;
  if (auto const said = scripted(call::freeze)) return answer(*said);
  fake::map* const map = map_of(fd);
  if (map == nullptr) return answer(no_map(fd));
  if (map->locks) return answer(-enotsupp);
  if (map->frozen || (map->made.flags & 8U) != 0) return answer(-EPERM);
  map->freeze();
  return answer(0);
}

int bpf_map_get_fd_by_id(__u32 id) {
  run_before(call::fd_by_id);
  guard const lock;
  if (auto const said = scripted(call::fd_by_id)) return answer(*said);
  for (auto const& each : kernel().objects) {
    if (each.second.map != nullptr && each.second.map->id == id) {
      int const fd = another(each.second.own_fd);
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

int bpf_obj_get(char const* path) {
  run_before(call::get);
  guard const lock;
  if (auto const said = scripted(call::get)) return answer(*said);
  struct stat about {};
  if (::stat(path, &about) != 0) return answer(-errno);
  auto const pin = kernel().pins.find({about.st_dev, about.st_ino});
  if (pin == kernel().pins.end()) return answer(-EACCES);
  int const fd = another(kernel().objects.at(pin->second).own_fd);
  return answer(fd < 0 ? -errno : fd);
}

int bpf_prog_load(bpf_prog_type type, char const* name, char const* license, bpf_insn const* code, size_t count,
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
    auto const file = file_of(each.imm);
    if (!file || map_of(each.imm) == nullptr) return answer(-EBADF);
    trial.maps_of_code[each.imm] = *file;
  }
  std::uint32_t result = 0;
  if (!run(trial, nullptr, 0, result) || result != 0) return answer(-EINVAL);
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
  // SYSCALL programs: the context is copied back to where it came from.
  if (options->ctx_in == nullptr || options->ctx_out != nullptr || options->data_in != nullptr) return answer(-EINVAL);
  bytes context = fake::read_user(options->ctx_in, options->ctx_size_in);
  if (!run(*program, reinterpret_cast<unsigned char*>(context.data()), context.size(), options->retval)) {
    return answer(-EINVAL);
  }
  fake::write_user(const_cast<void*>(options->ctx_in), context.data(), context.size());
  return answer(0);
}

int bpf_map__fd(bpf_map const* map) { return map->fd; }
char const* bpf_map__name(bpf_map const* map) { return map->name.c_str(); }

}
