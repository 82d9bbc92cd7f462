// SPDX-License-Identifier: MIT
// BCC's C++ tables, as a peer; ../README.md says what a peer is.
#include <bcc/BPFTable.h>
#include <bcc/bcc_version.h>
#include <bcc/libbpf.h>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using key = std::uint32_t;
using value = std::uint64_t;

void expect(bool good, std::string const& what) {
  if (!good) throw std::runtime_error(what);
}

std::vector<key> shuffled(std::uint32_t range) {
  std::vector<key> keys(range);
  std::iota(keys.begin(), keys.end(), key{0});
  std::uint64_t x = 1;
  for (std::uint32_t i = range; i-- > 1;) {
    x = x * 6364136223846793005U + 1442695040888963407U;
    std::swap(keys[i], keys[(x >> 33) % (i + 1)]);
  }
  return keys;
}

std::vector<key> keys_of(std::istream& arguments) {
  static std::vector<key> all;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::uint32_t range = 0;
  expect(static_cast<bool>(arguments >> first >> count >> range), "FIRST COUNT RANGE");
  if (all.size() != range) all = shuffled(range);
  std::vector<key> keys(count);
  for (std::uint32_t i = 0; i < count; ++i) keys[i] = all[(first + i) % range];
  return keys;
}

struct table {
  std::unique_ptr<ebpf::TableDesc> description;  // which the table refers to
  std::unique_ptr<ebpf::BPFHashTable<key, value>> hash;
  std::unique_ptr<ebpf::BPFPercpuArrayTable<value>> percpu_array;
};

table open(std::istream& arguments) {
  std::string kind;
  std::string path;
  arguments >> kind >> path;
  int const fd = bpf_obj_get(path.c_str());
  expect(fd >= 0, "cannot open " + path);
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  expect(bpf_obj_get_info(fd, &info, &size) == 0, "cannot ask about " + path);
  table opened;
  opened.description = std::make_unique<ebpf::TableDesc>("bench", ebpf::FileDesc(fd), static_cast<int>(info.type),
                                                         info.key_size, info.value_size, info.max_entries, 0);
  if (kind == "hash") {
    opened.hash = std::make_unique<ebpf::BPFHashTable<key, value>>(*opened.description);
  } else {
    opened.percpu_array = std::make_unique<ebpf::BPFPercpuArrayTable<value>>(*opened.description);
  }
  return opened;
}

std::string ways(std::istream& arguments) {
  std::string operation;
  std::uint32_t count = 0;
  arguments >> operation >> count;
  if (operation == "get" || operation == "reduce") return "get_value";
  if (operation == "put") return "update_value";
  if (operation == "erase") return "remove_value";
  if (operation == "walk") return "get_table_offline";
  // Quadratic: 100,000 elements take six seconds, a million ten minutes.
  if (operation == "drain" && count <= 10'000) return "clear_table_non_atomic";
  return "";
}

std::uint64_t run(table& on, std::string const& operation, std::vector<key> const& keys) {
  std::uint64_t result = 0;
  if (operation == "get") {
    for (key const& each : keys) {
      value found = 0;
      if (on.hash->get_value(each, found).ok()) result += found;
    }
  } else if (operation == "put") {
    for (key const& each : keys) result += on.hash->update_value(each, value{each} + 1).ok() ? 1 : 0;
  } else if (operation == "erase") {
    for (key const& each : keys) result += on.hash->remove_value(each).ok() ? 1 : 0;
  } else if (operation == "walk") {
    for (auto const& [unused, found] : on.hash->get_table_offline()) result += found;
  } else if (operation == "drain") {
    expect(on.hash->clear_table_non_atomic().ok(), "clear_table_non_atomic");
  } else if (operation == "reduce") {
    std::vector<value> slots;
    for (std::size_t i = 0; i < on.description->max_entries; ++i) {
      expect(on.percpu_array->get_value(static_cast<int>(i), slots).ok(), "get_value");
      result = std::accumulate(slots.begin(), slots.end(), result);
    }
  } else {
    throw std::runtime_error("no such operation: " + operation);
  }
  return result;
}

std::string answer(table& on, std::string const& line) {
  std::istringstream words(line);
  std::string operation;
  words >> operation;
  if (operation == "hello") return "BCC " LIBBCC_VERSION ", C++ tables, g++ " __VERSION__;
  if (operation == "ways") return ways(words);
  if (operation == "open") {
    on = {};
    on = open(words);
    return "ok";
  }
  std::string way;
  words >> way;
  std::vector<key> keys;
  if (operation == "get" || operation == "put" || operation == "erase") keys = keys_of(words);
  auto const start = std::chrono::steady_clock::now();
  std::uint64_t const result = run(on, operation, keys);
  auto const end = std::chrono::steady_clock::now();
  return std::to_string(std::chrono::nanoseconds(end - start).count()) + ' ' + std::to_string(result);
}

}  // namespace

int main() {
  table on;
  for (std::string line; std::getline(std::cin, line);) {
    try {
      std::cout << answer(on, line) << std::endl;
    } catch (std::exception const& error) {
      std::cout << "error " << error.what() << std::endl;
    }
  }
}
