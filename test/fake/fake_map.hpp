// SPDX-License-Identifier: MIT
// One map of the fake kernel: hashes in buckets, arrays in a memory file, everything else without elements.
#ifndef BPFMAP_TEST_FAKE_FAKE_MAP_HPP
#define BPFMAP_TEST_FAKE_FAKE_MAP_HPP

#include "fake_libbpf.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>

/// libbpf's, which is opaque to everyone else.
struct bpf_map {
  std::string name;
  int fd = -1;
  fake::shape made{};
  bool autocreate = true;
  void* mapped = nullptr;
  std::byte* initial = nullptr;  // its value before it is loaded, if it holds global variables
};

namespace fake {

using bytes = std::vector<std::byte>;

/// Memory of the caller that the kernel reads or writes: checked against the heap, then copied.
void write_user(void* to, void const* from, std::size_t count);
bytes read_user(void const* from, std::size_t count);
void violate(std::string const& what);

/// Whether it is one of the local storages.
bool is_storage(std::uint32_t type);

class map {
 public:
  /// @param memory  a descriptor of a memory file, where an array keeps its elements
  map(shape const& made, std::uint32_t id, int memory);
  map(map const&) = delete;
  map& operator=(map const&) = delete;
  ~map();

  // Each answers like the system call: 0 or a negative errno.
  int lookup(void const* key, void* value, std::uint64_t flags) const;
  int update(void const* key, void const* value, std::uint64_t flags);
  int erase(void const* key);
  int extract(void const* key, void* value);
  int next_key(void const* key, void* next) const;
  int update_batch(void const* keys, void const* values, std::uint32_t& count);
  int delete_batch(void const* keys, std::uint32_t& count);
  int extract_batch(void const* in, void* out, void* keys, void* values, std::uint32_t& count);
  int lookup_batch(void const* in, void* out, void* keys, void* values, std::uint32_t& count,
                   std::optional<batch_answer> const& script) const;

  [[nodiscard]] bool is_hash() const;
  [[nodiscard]] bool is_array() const;
  [[nodiscard]] bool is_ring() const;
  [[nodiscard]] bool per_cpu() const;
  [[nodiscard]] std::size_t element_bytes() const;
  [[nodiscard]] std::uint64_t count() const;
  /// The same as update, without flags and permissions: what a program does.
  void put(bytes const& key, bytes const& value);
  void drop(bytes const& key);
  /// Element `index` of an array, in the memory that is mapped; null if there is none.
  [[nodiscard]] std::byte* cell(std::uint32_t index) const;
  void set_buckets(std::uint32_t number);
  /// From now on user space cannot write, nor map an array writable.
  void freeze();

  shape made;
  std::uint32_t id;
  bool frozen = false;
  bool locks = false;
  int access_mode = O_RDWR;  // of the descriptor by which the map is used now

 private:
  struct element {
    bytes key;
    bytes value;
    std::uint64_t age;
  };
  using bucket = std::vector<element>;

  [[nodiscard]] bool readable() const { return access_mode != O_WRONLY; }
  [[nodiscard]] bool writable() const { return !frozen && access_mode != O_RDONLY; }
  [[nodiscard]] bool evicts() const { return made.type == 9 || made.type == 10; }
  [[nodiscard]] std::size_t bucket_of(bytes const& key) const;
  [[nodiscard]] element const* find(bytes const& key) const;
  void insert(bytes const& key, bytes const& value);
  void evict_oldest();
  [[nodiscard]] std::vector<element const*> in_walk_order() const;
  int hash_batch(void const* in, void* out, std::byte* keys, std::byte* values, std::uint32_t& count,
                 std::optional<batch_answer> const& script) const;
  int array_batch(void const* in, void* out, std::byte* keys, std::byte* values, std::uint32_t& count,
                  std::optional<batch_answer> const& script) const;
  void give(element const& from, std::byte* keys, std::byte* values, std::uint32_t at) const;

  int file_;
  std::vector<bucket> buckets_;
  std::uint64_t clock_ = 0;
  std::byte* memory_ = nullptr;
  std::size_t memory_bytes_ = 0;
};

}  // namespace fake

#endif
