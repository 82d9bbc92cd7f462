// SPDX-License-Identifier: MIT
// The elements that all techniques work on, and how libbpf's users write the loops.
#ifndef BPFMAP_BENCH_ELEMENTS_HPP
#define BPFMAP_BENCH_ELEMENTS_HPP

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bench {

using key = std::uint32_t;
using value = std::uint64_t;

constexpr value value_of(key k) { return value{k} + 1; }

/// 10,000
inline std::string grouped(std::uint32_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(digits.begin() + at, ',');
  return digits;
}

/// The keys 0 to range - 1 in random order, the same in every process and language (peers/README.md).
inline std::vector<key> shuffled_keys(std::uint32_t range) {
  std::vector<key> keys(range);
  std::iota(keys.begin(), keys.end(), key{0});
  std::uint64_t state = 1;
  for (std::uint32_t i = range; i-- > 1;) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    std::swap(keys[i], keys[(state >> 33) % (i + 1)]);
  }
  return keys;
}

/// Takes `count` other keys each time.
class key_cycle {
 public:
  explicit key_cycle(std::uint32_t range, std::uint32_t count) : keys_(shuffled_keys(range)), taken_(count) {}

  std::vector<key> const& next() {
    for (key& each : taken_) {
      each = keys_[at_];
      at_ = at_ + 1 == keys_.size() ? 0 : at_ + 1;
    }
    return taken_;
  }
  [[nodiscard]] std::vector<key> const& taken() const noexcept { return taken_; }

 private:
  std::vector<key> keys_;
  std::vector<key> taken_;
  std::size_t at_ = 0;
};

namespace libbpf {

constexpr std::uint32_t block = 4096;  // of a batch: larger ones gain nothing

inline void expect(bool good, char const* what) {
  if (!good) throw std::runtime_error(what);
}

/// The loop that everybody writes. f(key, value)
template <class F>
void walk_by_keys(int fd, F f) {
  key current = 0;
  key next = 0;
  for (void const* at = nullptr; bpf_map_get_next_key(fd, at, &next) == 0; at = &current) {
    value found = 0;
    if (bpf_map_lookup_elem(fd, &next, &found) == 0) f(next, found);
    current = next;
  }
}

/// LOOKUP_BATCH, or LOOKUP_AND_DELETE_BATCH, into the same buffers again and again. f(keys, values, count)
template <class F>
void walk_by_batch(int fd, std::vector<key>& keys, std::vector<value>& values, F f,
                   decltype(&bpf_map_lookup_batch) batch = bpf_map_lookup_batch) {
  key cursor = 0;
  bool first = true;
  for (int failed = 0; failed == 0; first = false) {
    auto count = static_cast<std::uint32_t>(keys.size());
    failed = batch(fd, first ? nullptr : &cursor, &cursor, keys.data(), values.data(), &count, nullptr);
    expect(failed == 0 || failed == -ENOENT, "a batch fails");
    f(keys.data(), values.data(), count);
  }
}

/// UPDATE_BATCH, in blocks.
inline void put(int fd, std::vector<key> const& keys, std::vector<value> const& values) {
  for (std::size_t done = 0; done < keys.size();) {
    auto count = static_cast<std::uint32_t>(std::min<std::size_t>(block, keys.size() - done));
    expect(bpf_map_update_batch(fd, keys.data() + done, values.data() + done, &count, nullptr) == 0,
           "UPDATE_BATCH fails");
    done += count;
  }
}

/// DELETE_BATCH, in blocks; all keys must be there.
inline void erase(int fd, std::vector<key> const& keys) {
  for (std::size_t done = 0; done < keys.size();) {
    auto count = static_cast<std::uint32_t>(std::min<std::size_t>(block, keys.size() - done));
    expect(bpf_map_delete_batch(fd, keys.data() + done, &count, nullptr) == 0, "DELETE_BATCH fails");
    done += count;
  }
}

/// Puts in the keys 0 to count - 1, with their values.
inline void fill(int fd, std::uint32_t count) {
  std::vector<key> const keys = shuffled_keys(count);
  std::vector<value> values(count);
  std::ranges::transform(keys, values.begin(), value_of);
  put(fd, keys, values);
}

/// LOOKUP_AND_DELETE_BATCH until nothing is left.
inline std::uint64_t empty(int fd) {
  std::vector<key> keys(block);
  std::vector<value> values(block);
  std::uint64_t count = 0;
  walk_by_batch(
      fd, keys, values, [&](key const*, value const*, std::uint32_t n) { count += n; },
      bpf_map_lookup_and_delete_batch);
  return count;
}

}  // namespace libbpf

}  // namespace bench

#endif
