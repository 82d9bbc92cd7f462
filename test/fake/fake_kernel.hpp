// SPDX-License-Identifier: MIT
// The state behind the fake libbpf, for its own parts.
#ifndef BPFMAP_TEST_FAKE_FAKE_KERNEL_HPP
#define BPFMAP_TEST_FAKE_FAKE_KERNEL_HPP

#include "fake_libbpf.hpp"
#include "fake_map.hpp"
#include "heap.hpp"

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include <bpf/bpf.h>

namespace fake {

constexpr int enotsupp = 524;

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
  std::deque<batch_answer> batches;
  std::size_t batches_after = 0;
  std::deque<bpf_map> libbpf_maps;
  std::vector<std::string> violations;
  shape created;
  bytes value;
  std::uint64_t update_flags = 0;
  std::uint64_t lookup_flags = 0;
  std::optional<std::int64_t> count;
  bool loops = false;
  std::uint32_t info_bytes = 104;
  std::uint32_t next_id = 0;
};

state& kernel();

/// Held while the state is used; what is allocated meanwhile is not the code under test's.
class guard {
 public:
  guard() : lock_(kernel().mutex) {}

 private:
  heap::pause own_;
  std::lock_guard<std::recursive_mutex> lock_;
};

std::optional<file_id> file_of(int fd);
object* object_of(int fd);
map* map_of(int fd);
/// What every command on a map says about a descriptor that is none's.
int no_map(int fd);
/// Another descriptor of the same file, that may do what `flags` (BPF_F_RDONLY, BPF_F_WRONLY) leave it.
int another(int fd, std::uint32_t flags = 0);
/// A new object, with a descriptor for the caller.
std::pair<object*, int> make(kind what, std::uint32_t flags = 0);
int make_a_map(shape const& wanted);

/// Runs what the test wants done before a call.
void run_before(call which);
std::optional<batch_answer> next_batch_answer();

/// Runs a program; `context` may be null. False: the program is not what this kernel can run.
bool run(object const& program, unsigned char* context, std::size_t context_bytes, std::uint32_t& result);

}  // namespace fake

#endif
