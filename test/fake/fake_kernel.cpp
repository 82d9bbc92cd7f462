// SPDX-License-Identifier: MIT
// What tests tell the fake, and what they ask it.
#include "fake_kernel.hpp"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fake {

namespace {

constexpr int spoilt_errno = 4321;

}  // namespace

state& kernel() {
  static auto* const made = new state;
  return *made;
}

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

map* map_of(int fd) {
  object* const found = object_of(fd);
  if (found == nullptr || found->map == nullptr) return nullptr;
  found->map->access_mode = ::fcntl(fd, F_GETFL) & O_ACCMODE;
  return found->map.get();
}

int no_map(int fd) { return ::fcntl(fd, F_GETFD) < 0 ? -EBADF : -EINVAL; }

int another(int fd, std::uint32_t flags) {
  constexpr std::uint32_t read_only = 8;    // BPF_F_RDONLY
  constexpr std::uint32_t write_only = 16;  // BPF_F_WRONLY
  if ((flags & (read_only | write_only)) == 0) return ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  std::string const same_file = "/proc/self/fd/" + std::to_string(fd);
  return ::open(same_file.c_str(), ((flags & read_only) != 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
}

std::pair<object*, int> make(kind what, std::uint32_t flags) {
  int const own = ::memfd_create("fake bpf object", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (own < 0) return {nullptr, -errno};
  object& made = kernel().objects[*file_of(own)];
  made.what = what;
  made.own_fd = own;
  int const theirs = another(own, flags);
  return {&made, theirs < 0 ? -errno : theirs};
}

int make_a_map(shape const& wanted) {
  auto const [made, fd] = make(kind::map, wanted.flags);
  if (made == nullptr) return fd;
  made->map = std::make_unique<fake::map>(wanted, ++kernel().next_id, made->own_fd);
  return fd;
}

std::optional<batch_answer> next_batch_answer() {
  state& all = kernel();
  if (all.batches.empty()) return std::nullopt;
  if (all.batches_after != 0) {
    --all.batches_after;
    return std::nullopt;
  }
  batch_answer const now = all.batches.front();
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
  all.loops = false;
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
