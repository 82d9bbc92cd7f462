// SPDX-License-Identifier: MIT
#include "privileges.hpp"

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <iterator>

#include <fmt/format.h>

namespace syscount {

namespace {

struct capability {
  unsigned bit;  // as in <linux/capability.h>
  char const* name;
  char const* use;
};

constexpr unsigned sys_admin = 21;
constexpr capability needed[] = {
    {38, "CAP_PERFMON", "to let programs read the kernel's memory, and to open perf buffers"},
    {39, "CAP_BPF", "to create maps and to load programs"},
};

// The capabilities that this process may use now. None if that cannot be read.
std::uint64_t effective_capabilities() {
  std::FILE* const file = std::fopen("/proc/self/status", "re");
  if (file == nullptr) return 0;
  std::uint64_t bits = 0;
  for (char line[256]; std::fgets(line, sizeof line, file) != nullptr;) {
    if (std::sscanf(line, "CapEff: %" SCNx64, &bits) == 1) break;
  }
  std::fclose(file);
  return bits;
}

// One line for each. CAP_SYS_ADMIN stands for both.
std::string missing_capabilities() {
  std::uint64_t const have = effective_capabilities();
  std::string lines;
  if ((have >> sys_admin & 1U) != 0) return lines;
  for (auto const& [bit, name, use] : needed) {
    if ((have >> bit & 1U) == 0) fmt::format_to(std::back_inserter(lines), "  {:<12} {}\n", name, use);
  }
  return lines;
}

}  // namespace

bool is_for_want_of_privileges(std::error_code const& failure) {
  // The verifier says "permission denied" too, of programs that it finds unsafe.
  return failure == std::errc::operation_not_permitted ||
         (failure == std::errc::permission_denied && !missing_capabilities().empty());
}

std::string how_to_get_privileges(std::string_view program) {
  std::string const missing = missing_capabilities();
  if (missing.empty()) {
    return "This process has CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN), and is refused all the "
           "same.\n"
           "They count only outside of user namespaces: run it on the host, not in a container.\n"
           "A container's seccomp filter or the kernel's lockdown mode may forbid it too.\n";
  }
  return fmt::format(
      "missing:\n{0}"
      "(before Linux 5.8: CAP_SYS_ADMIN instead). To get it, run the tool as root:\n"
      "  sudo {1}\n"
      "or give it to the file, for all who may run that:\n"
      "  sudo setcap cap_bpf,cap_perfmon+ep {1}\n",
      missing, program);
}

}  // namespace syscount
