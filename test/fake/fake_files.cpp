// SPDX-License-Identifier: MIT
// fopen() and madvise() of this executable: linked with -Wl,--wrap=fopen, so that bpfmap sees a machine of the test's
// choice.
#include "btf_builder.hpp"
#include "fake_libbpf.hpp"
#include "heap.hpp"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

namespace {

struct entry {
  std::optional<std::string> text;
  int error = 0;
};

std::string kernel_btf() {
  test::btf_builder types;
  types.add(test::type_kind::int_, "int", 0, {32}, 4);
  types.add(test::type_kind::func_proto, "", 1, {0, 1});
  types.function("bpf_map_sum_elem");  // a name that the one looked for begins with
  types.function("bpf_map_sum_elem_count");
  return types.bytes();
}

struct disk {
  std::mutex mutex;
  std::map<std::string, entry> files{
      {fake_files::possible, {fake_files::possible_cpus}},
      {fake_files::online, {fake_files::online_cpus}},
      {fake_files::vmlinux, {kernel_btf()}},
  };
  std::map<std::string, entry> kept = files;
};

disk& the_disk() {
  static auto* const made = new disk;
  return *made;
}

std::atomic<void (*)()> opening{nullptr};
std::atomic<int> advice_error{0};

std::FILE* open_text(std::string const& text) {
  int const fd = ::memfd_create("fake file", MFD_CLOEXEC);
  if (fd < 0) return nullptr;
  if (::pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    ::close(fd);
    return nullptr;
  }
  return ::fdopen(fd, "r");
}

}  // namespace

namespace fake_files {

void set(std::string const& path, std::optional<std::string> const& text) {
  heap::pause const own;
  std::lock_guard const lock(the_disk().mutex);
  the_disk().files[path] = {text, ENOENT};
}

void refuse(std::string const& path, int error) {
  heap::pause const own;
  std::lock_guard const lock(the_disk().mutex);
  the_disk().files[path] = {std::nullopt, error};
}

void real(std::string const& path) {
  heap::pause const own;
  std::lock_guard const lock(the_disk().mutex);
  the_disk().files.erase(path);
}

void keep() {
  heap::pause const own;
  std::lock_guard const lock(the_disk().mutex);
  the_disk().kept = the_disk().files;
}

void reset() {
  heap::pause const own;
  std::lock_guard const lock(the_disk().mutex);
  the_disk().files = the_disk().kept;
}

void before_opening(void (*call)()) { opening = call; }
void refuse_advice(int error) { advice_error = error; }

}  // namespace fake_files

extern "C" {

// The linker's names for the two.
std::FILE* __real_fopen(char const* path, char const* mode);  // NOLINT(bugprone-reserved-identifier)

std::FILE* __wrap_fopen(char const* path, char const* mode) {  // NOLINT(bugprone-reserved-identifier)
  if (auto* const call = opening.load(); call != nullptr) call();
  heap::pause const own;
  std::lock_guard const lock(the_disk().mutex);
  auto const found = the_disk().files.find(path);
  if (found == the_disk().files.end()) return __real_fopen(path, mode);
  if (found->second.text) return open_text(*found->second.text);
  errno = found->second.error;
  return nullptr;
}

// The same, as builds with 64-bit file offsets call it.
std::FILE* __wrap_fopen64(char const* path, char const* mode) {  // NOLINT(bugprone-reserved-identifier)
  return __wrap_fopen(path, mode);
}

int __real_madvise(void* at, std::size_t bytes, int advice);  // NOLINT(bugprone-reserved-identifier)

int __wrap_madvise(void* at, std::size_t bytes, int advice) {  // NOLINT(bugprone-reserved-identifier)
  if (advice_error == 0) return __real_madvise(at, bytes, advice);
  errno = advice_error;
  return -1;
}
}
