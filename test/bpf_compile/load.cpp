// SPDX-License-Identifier: MIT
// Loads a BPF object: all its maps and programs. Exit status 77: that is not possible here.

#include <bpfmap/bpfmap.hpp>

#include <cstdio>
#include <exception>
#include <system_error>

#include <sys/utsname.h>

namespace {

constexpr int not_here = 77;

// The newest map type of every_macro.bpf.c is the arena.
constexpr bpfmap::kernel_version first_kernel{6, 9};

bpfmap::kernel_version running_kernel() {
  utsname names{};
  uname(&names);
  bpfmap::kernel_version found{};
  std::sscanf(names.release, "%hu.%hu", &found.major, &found.minor);
  return found;
}

}  // namespace

int main(int argc, char* argv[]) {
  if (argc != 2) {
    std::fputs("usage: bpf_load OBJECT\n", stderr);
    return 2;
  }
  if (running_kernel() < first_kernel) {
    std::puts("needs Linux 6.9");
    return not_here;
  }
  std::error_code ec;
  (void)bpfmap::array<int>::create({.max_entries = 1}, ec);
  if (ec) {
    std::printf("creating a BPF map is not possible here: %s\n", ec.message().c_str());
    return not_here;
  }
  try {
    auto object = bpfmap::object::open(argv[1]);
    // Only where BPF is a security module.
    if (libbpf_probe_bpf_map_type(BPF_MAP_TYPE_INODE_STORAGE, nullptr) == 0)
      object.map("inode_storage").set_autocreate(false);
    object.load();
  } catch (std::exception const& failure) {
    std::puts(failure.what());
    return 1;
  }
  return 0;
}
