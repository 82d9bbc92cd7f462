// SPDX-License-Identifier: MIT
// A program that uses bpfmap from outside. It needs no privileges: what it may not do it says.

#include <bpfmap/bpfmap.hpp>

#include <cstdint>
#include <cstdio>
#include <system_error>

struct stats {
  std::uint64_t packets;
  std::uint64_t bytes;
};

int main() {
  using flows = bpfmap::lru_hash<std::uint32_t, stats>;
  std::printf("bpfmap %d.%d.%d has %.*s\n", bpfmap::version.major, bpfmap::version.minor, bpfmap::version.patch,
              static_cast<int>(flows::traits.name.size()), flows::traits.name.data());

  std::error_code ec;
  flows const map = flows::create({.name = "flows", .max_entries = 16}, ec);
  if (!ec) map.insert_or_assign(7, {.packets = 1, .bytes = 64}, ec);
  std::printf("one element: %s\n", ec.message().c_str());
  return 0;
}
