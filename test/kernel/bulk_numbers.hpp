// SPDX-License-Identifier: MIT
// Maps of numbers, and many of them.
#ifndef BPFMAP_TEST_KERNEL_BULK_NUMBERS_HPP
#define BPFMAP_TEST_KERNEL_BULK_NUMBERS_HPP

#include <cstdint>
#include <numeric>
#include <vector>

#include <bpfmap/maps/hash.hpp>

namespace test {

using table = bpfmap::hash<std::uint32_t, std::uint64_t>;

struct numbers {
  std::vector<std::uint32_t> keys;
  std::vector<std::uint64_t> values;

  explicit numbers(std::uint32_t count, std::uint32_t first = 0) : keys(count), values(count) {
    std::iota(keys.begin(), keys.end(), first);
    std::iota(values.begin(), values.end(), first);
  }
};

inline table filled(std::uint32_t count, std::uint32_t max_entries = 0) {
  auto map = table::create({.name = "bulk", .max_entries = max_entries == 0 ? count : max_entries});
  numbers const all(count);
  map.insert_or_assign(all.keys, all.values);
  return map;
}

}  // namespace test

#endif
