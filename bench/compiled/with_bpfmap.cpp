// SPDX-License-Identifier: MIT
// What with_libbpf.cpp does, by bpfmap.
#include <bpfmap/bpfmap.hpp>

#include <cstdint>
#include <cstdio>

int main() {
  auto const flows = bpfmap::hash<std::uint32_t, std::uint64_t>::create({.name = "flows", .max_entries = 1024});
  flows.insert_or_assign(7, 1);
  if (auto const value = flows.find(7)) std::printf("%lu\n", static_cast<unsigned long>(*value));
  for (auto const& [key, value] : flows) std::printf("%u %lu\n", key, static_cast<unsigned long>(value));
}
