// SPDX-License-Identifier: MIT
// What a program does with an element of a map.
#include <cstdint>
#include <cstdio>

static void show(std::uint32_t pid, std::uint64_t count) {
  std::printf("%u: %llu\n", pid, static_cast<unsigned long long>(count));
}
