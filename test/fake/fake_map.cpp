// SPDX-License-Identifier: MIT
#include "fake_map.hpp"

#include "heap.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace fake {

bool is_storage(std::uint32_t type) { return type == 24 || type == 28 || type == 29 || type == 32; }

namespace {

constexpr int enotsupp = 524;
constexpr std::uint64_t noexist = 1;
constexpr std::uint64_t exist = 2;
constexpr std::uint64_t with_lock = 4;

constexpr std::size_t eight_rounded(std::size_t n) { return (n + 7) / 8 * 8; }

bool has_room(void const* at, std::size_t count, char const* what) {
  if (heap::room_at(at) >= count) return true;
  violate(std::string("the buffer for ") + what + " is shorter than the " + std::to_string(count) +
          " bytes that the kernel copies");
  return false;
}

struct region {
  char const* what;
  std::byte const* first;
  std::size_t count;
};

bool apart(region const& a, region const& b) {
  if (a.first >= b.first + b.count || b.first >= a.first + a.count) return true;
  violate(std::string("the buffers for ") + a.what + " and " + b.what + " overlap");
  return false;
}

std::uint32_t as_index(bytes const& key) {
  std::uint32_t index = 0;
  std::memcpy(&index, key.data(), sizeof index);
  return index;
}

}  // namespace

void write_user(void* to, void const* from, std::size_t count) {
  if (has_room(to, count, "what is read from the kernel")) std::memcpy(to, from, count);
}

bytes read_user(void const* from, std::size_t count) {
  auto const* const first = static_cast<std::byte const*>(from);
  return has_room(from, count, "what is given to the kernel") ? bytes{first, first + count} : bytes(count);
}

map::map(shape const& created, std::uint32_t number, int memory) : made(created), id(number), file_(memory) {
  if (is_hash()) buckets_.resize(std::bit_ceil(std::max(made.max_entries, 1U)));
  auto const page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  // The positions and the records of a ring, the pages of an arena: nothing that the fake itself looks into.
  std::size_t const shown = is_ring()         ? 2 * page + 2 * std::size_t{made.max_entries}
                            : made.type == 33 ? page * made.max_entries
                                              : 0;
  if (shown != 0 && ::ftruncate(memory, static_cast<off_t>(shown)) != 0) std::abort();
  if (!is_array()) return;
  std::size_t const stride = per_cpu() ? element_bytes() : eight_rounded(made.value_size);
  memory_bytes_ = (std::max<std::size_t>(made.max_entries, 1) * stride + page - 1) / page * page;
  if (::ftruncate(memory, static_cast<off_t>(memory_bytes_)) != 0) std::abort();
  void* const at = ::mmap(nullptr, memory_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  if (at == MAP_FAILED) std::abort();
  memory_ = static_cast<std::byte*>(at);
}

map::~map() {
  if (memory_ != nullptr) ::munmap(memory_, memory_bytes_);
}

// Stack traces and storages keep their elements like hashes, a struct_ops its one like an array.
bool map::is_hash() const {
  std::uint32_t const type = made.type;
  return type == 1 || type == 5 || type == 7 || type == 9 || type == 10 || type == 19 || is_storage(type);
}
bool map::is_array() const { return made.type == 2 || made.type == 6 || made.type == 26; }
bool map::is_ring() const { return made.type == 27 || made.type == 31; }
bool map::per_cpu() const { return made.type == 5 || made.type == 6 || made.type == 10; }

std::size_t map::element_bytes() const {
  return per_cpu() ? eight_rounded(made.value_size) * fake_files::possible_count : made.value_size;
}

std::uint64_t map::count() const {
  if (is_array()) return made.max_entries;
  std::uint64_t number = 0;
  for (bucket const& each : buckets_) number += each.size();
  return number;
}

void map::set_buckets(std::uint32_t number) {
  std::vector<bucket> old(number);
  old.swap(buckets_);
  for (bucket const& each : old) {
    for (element const& one : each) buckets_[bucket_of(one.key)].push_back(one);
  }
}

void map::freeze() {
  frozen = true;
  ::fcntl(file_, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
}

std::size_t map::bucket_of(bytes const& key) const {
  std::uint64_t number = 0;
  std::memcpy(&number, key.data(), std::min(key.size(), sizeof number));
  return number % buckets_.size();
}

map::element const* map::find(bytes const& key) const {
  bucket const& one = buckets_[bucket_of(key)];
  auto const found = std::find_if(one.begin(), one.end(), [&](element const& e) { return e.key == key; });
  return found == one.end() ? nullptr : &*found;
}

std::byte* map::cell(std::uint32_t index) const {
  if (index >= made.max_entries) return nullptr;
  return memory_ + std::size_t{index} * (per_cpu() ? element_bytes() : eight_rounded(made.value_size));
}

// What is new stands first in its bucket, also what replaces an element; per-CPU values are changed in place.
void map::insert(bytes const& key, bytes const& value) {
  bucket& one = buckets_[bucket_of(key)];
  auto const found = std::find_if(one.begin(), one.end(), [&](element const& e) { return e.key == key; });
  if (found != one.end() && per_cpu()) {
    found->value = value;
    return;
  }
  if (found != one.end()) one.erase(found);
  one.insert(one.begin(), {key, value, ++clock_});
}

void map::evict_oldest() {
  bucket* where = nullptr;
  std::uint64_t oldest = std::numeric_limits<std::uint64_t>::max();
  for (bucket& each : buckets_) {
    for (element const& one : each) {
      if (one.age >= oldest) continue;
      oldest = one.age;
      where = &each;
    }
  }
  if (where == nullptr) return;
  std::erase_if(*where, [&](element const& e) { return e.age == oldest; });
}

void map::put(bytes const& key, bytes const& value) {
  if (is_array()) {
    std::memcpy(cell(as_index(key)), value.data(), value.size());
  } else {
    insert(key, value);
  }
}

void map::drop(bytes const& key) {
  bucket& one = buckets_[bucket_of(key)];
  std::erase_if(one, [&](element const& e) { return e.key == key; });
}

int map::lookup(void const* key, void* value, std::uint64_t flags) const {
  if ((flags & ~with_lock) != 0 || (flags != 0 && !locks)) return -EINVAL;
  if (!readable()) return -EPERM;
  if (!is_hash() && !is_array()) return -enotsupp;
  if (key == nullptr) return -EFAULT;
  bytes const wanted = read_user(key, made.key_size);
  std::byte const* from = nullptr;
  if (is_array()) {
    from = cell(as_index(wanted));
  } else if (element const* const found = find(wanted)) {
    from = found->value.data();
  }
  if (from == nullptr) return -ENOENT;
  if (value == nullptr) return -EFAULT;
  write_user(value, from, element_bytes());
  return 0;
}

int map::update(void const* key, void const* value, std::uint64_t flags) {
  if (!writable()) return -EPERM;
  if ((flags & with_lock) != 0 && !locks) return -EINVAL;
  if (made.type == 4) return (flags & ~with_lock) == 0 ? 0 : -EINVAL;
  if (!is_hash() && !is_array()) return -enotsupp;
  if (key == nullptr || value == nullptr) return -EFAULT;
  std::uint64_t const mode = flags & ~with_lock;
  if (mode > exist) return -EINVAL;
  bytes const wanted = read_user(key, made.key_size);
  bytes const given = read_user(value, element_bytes());
  if (is_array()) {
    if (as_index(wanted) >= made.max_entries) return -E2BIG;
    if (mode == noexist) return -EEXIST;
    put(wanted, given);
    return 0;
  }
  bool const present = find(wanted) != nullptr;
  if (present && mode == noexist) return -EEXIST;
  if (!present && mode == exist) return -ENOENT;
  if (!present && !is_storage(made.type) && count() >= made.max_entries) {
    if (!evicts()) return -E2BIG;
    evict_oldest();
  }
  insert(wanted, given);
  return 0;
}

int map::erase(void const* key) {
  if (!writable()) return -EPERM;
  if (made.type == 4 || made.type == 26) return 0;
  if (is_array()) return -EINVAL;
  if (!is_hash()) return -enotsupp;
  bytes const wanted = read_user(key, made.key_size);
  if (find(wanted) == nullptr) return -ENOENT;
  drop(wanted);
  return 0;
}

int map::extract(void const* key, void* value) {
  if (!writable() || !readable()) return -EPERM;
  if (!is_hash()) return -enotsupp;
  int const result = lookup(key, value, 0);
  if (result == 0) drop(read_user(key, made.key_size));
  return result;
}

// The kernel counts what it did before the first error, and leaves the count alone if it refuses at once.
int map::update_batch(void const* keys, void const* values, std::uint32_t& count) {
  if (!writable()) return -EPERM;
  if (!is_hash() && !is_array()) return -enotsupp;
  std::uint32_t const wanted = std::exchange(count, 0);
  int result = 0;
  while (result == 0 && count < wanted) {
    result = update(static_cast<std::byte const*>(keys) + std::size_t{count} * made.key_size,
                    static_cast<std::byte const*>(values) + std::size_t{count} * element_bytes(), 0);
    if (result == 0) ++count;
  }
  return result;
}

int map::delete_batch(void const* keys, std::uint32_t& count) {
  if (!writable()) return -EPERM;
  if (!is_hash()) return -enotsupp;
  std::uint32_t const wanted = std::exchange(count, 0);
  int result = 0;
  while (result == 0 && count < wanted) {
    result = erase(static_cast<std::byte const*>(keys) + std::size_t{count} * made.key_size);
    if (result == 0) ++count;
  }
  return result;
}

int map::extract_batch(void const* in, void* out, void* keys, void* values, std::uint32_t& count) {
  if (!writable()) return -EPERM;
  if (!is_hash()) return -enotsupp;
  int const result = lookup_batch(in, out, keys, values, count, std::nullopt);
  for (std::uint32_t i = 0; i < count && (result == 0 || result == -ENOENT); ++i) {
    drop(read_user(static_cast<std::byte*>(keys) + std::size_t{i} * made.key_size, made.key_size));
  }
  return result;
}

std::vector<map::element const*> map::in_walk_order() const {
  std::vector<element const*> all;
  for (bucket const& each : buckets_) {
    for (element const& one : each) all.push_back(&one);
  }
  return all;
}

int map::next_key(void const* key, void* next) const {
  if (!readable()) return -EPERM;
  if (is_array()) {
    std::uint32_t index = 0;
    if (key != nullptr) {
      std::uint32_t const current = as_index(read_user(key, made.key_size));
      if (current < made.max_entries) index = current + 1;
      if (index == made.max_entries) return -ENOENT;
    }
    write_user(next, &index, sizeof index);
    return 0;
  }
  if (!is_hash()) return -enotsupp;
  // An unknown key begins from the start.
  auto const all = in_walk_order();
  auto at = all.begin();
  if (key != nullptr) {
    bytes const current = read_user(key, made.key_size);
    auto const found = std::find_if(all.begin(), all.end(), [&](element const* e) { return e->key == current; });
    if (found != all.end()) at = found + 1;
  }
  if (at == all.end()) return -ENOENT;
  write_user(next, (*at)->key.data(), made.key_size);
  return 0;
}

int map::lookup_batch(void const* in, void* out, void* keys, void* values, std::uint32_t& count,
                      std::optional<batch_answer> const& script) const {
  if (!readable()) return -EPERM;
  if (!is_hash() && !is_array()) return -enotsupp;
  if (count == 0) return 0;
  auto* const key_bytes = static_cast<std::byte*>(keys);
  auto* const value_bytes = static_cast<std::byte*>(values);
  std::size_t const cursor_bytes = is_hash() ? sizeof(std::uint32_t) : made.key_size;
  region const cursor{"the cursor", static_cast<std::byte*>(out), cursor_bytes};
  region const all_keys{"keys", key_bytes, std::size_t{count} * made.key_size};
  region const all_values{"values", value_bytes, std::size_t{count} * element_bytes()};
  bool fits = apart(cursor, all_keys) && apart(cursor, all_values) && apart(all_keys, all_values);
  for (region const& each : {cursor, all_keys, all_values}) fits = has_room(each.first, each.count, each.what) && fits;
  if (!fits) return -EFAULT;
  return is_hash() ? hash_batch(in, out, key_bytes, value_bytes, count, script)
                   : array_batch(in, out, key_bytes, value_bytes, count, script);
}

void map::give(element const& from, std::byte* keys, std::byte* values, std::uint32_t at) const {
  std::memcpy(keys + std::size_t{at} * made.key_size, from.key.data(), made.key_size);
  std::memcpy(values + std::size_t{at} * element_bytes(), from.value.data(), element_bytes());
}

// Whole buckets only; the cursor is the number of the next one.
int map::hash_batch(void const* in, void* out, std::byte* keys, std::byte* values, std::uint32_t& count,
                    std::optional<batch_answer> const& script) const {
  std::uint32_t const room = script ? std::min(count, script->elements) : count;
  std::uint32_t at = 0;
  count = 0;
  if (in != nullptr) {
    bytes const cursor = read_user(in, sizeof at);
    std::memcpy(&at, cursor.data(), sizeof at);
  }
  if (at >= buckets_.size()) return -ENOENT;
  int result = 0;
  while (result == 0) {
    bucket const& one = buckets_[at];
    if (one.size() > room - count) {
      if (count == 0 && !script) result = -ENOSPC;
      break;
    }
    for (element const& each : one) give(each, keys, values, count++);
    if (++at == buckets_.size()) result = -ENOENT;
  }
  if (script) result = -script->error;
  bool const moved = !script || count != 0 || script->error == 0 || script->error == ENOSPC;
  if (moved) std::memcpy(out, &at, sizeof at);
  return result;
}

// The cursor is the last key.
int map::array_batch(void const* in, void* out, std::byte* keys, std::byte* values, std::uint32_t& count,
                     std::optional<batch_answer> const& script) const {
  std::uint32_t const room = script ? std::min(count, script->elements) : count;
  bytes current = in == nullptr ? bytes{} : read_user(in, made.key_size);
  count = 0;
  int result = 0;
  while (count < room) {
    bytes following(made.key_size);
    result = next_key(current.empty() ? nullptr : current.data(), following.data());
    if (result != 0) break;
    std::byte const* const from = cell(as_index(following));
    give({following, {from, from + element_bytes()}, 0}, keys, values, count++);
    current = following;
  }
  if (script) result = -script->error;
  if (count != 0) std::memcpy(out, current.data(), current.size());
  return result;
}

}  // namespace fake
