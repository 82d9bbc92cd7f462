// SPDX-License-Identifier: MIT
// What with_bpfmap.cpp does, by libbpf alone: how long do the two take to compile?
#include <bpf/bpf.h>

#include <cstdint>
#include <cstdio>

int main() {
  int const fd =
      bpf_map_create(BPF_MAP_TYPE_HASH, "flows", sizeof(std::uint32_t), sizeof(std::uint64_t), 1024, nullptr);
  if (fd < 0) return 1;
  std::uint32_t key = 7;
  std::uint64_t value = 1;
  if (bpf_map_update_elem(fd, &key, &value, BPF_ANY) != 0) return 1;
  if (bpf_map_lookup_elem(fd, &key, &value) == 0) std::printf("%lu\n", static_cast<unsigned long>(value));
  std::uint32_t next = 0;
  for (void const* at = nullptr; bpf_map_get_next_key(fd, at, &next) == 0; at = &key) {
    key = next;
    if (bpf_map_lookup_elem(fd, &key, &value) == 0) std::printf("%u %lu\n", key, static_cast<unsigned long>(value));
  }
}
