// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_PRIVILEGES_HPP
#define BPFMAP_KERNEL_PRIVILEGES_HPP

// What this thread may do, and what EPERM then means: root of a user namespace is not root, and to who has every
// capability "run as root" is no help.

#include <cstdint>
#include <cstdio>
#include <string_view>

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpfmap/core/error_text.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

struct privileges {
  static constexpr unsigned cap_net_admin = 12;
  static constexpr unsigned cap_sys_admin = 21;
  static constexpr unsigned cap_perfmon = 38;
  static constexpr unsigned cap_bpf = 39;

  std::uint64_t effective = 0;         ///< capabilities, bit by bit
  bool initial_user_namespace = true;  ///< as far as can be told: all ids of it are mapped to themselves

  [[nodiscard]] bool has(unsigned capability) const noexcept {
    return (effective >> cap_sys_admin & 1) != 0 || (effective >> capability & 1) != 0;
  }

  /// @cost three system calls and a file
  static privileges of_this_thread() noexcept {
    privileges found;
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    if (::syscall(SYS_capget, &header, data) == 0) {
      found.effective = std::uint64_t{data[1].effective} << 32 | data[0].effective;
    }
    if (std::FILE* const file = std::fopen("/proc/self/uid_map", "re"); file != nullptr) {
      unsigned long inside = 1;
      unsigned long outside = 1;
      unsigned long count = 0;
      // Nothing in it: a user namespace whose ids are not mapped yet.
      bool const read = std::fscanf(file, "%lu %lu %lu", &inside, &outside, &count) == 3;
      found.initial_user_namespace = read && inside == 0 && outside == 0 && count == 0xffffffff;
      std::fclose(file);
    }
    return found;
  }
};

/// What EPERM means for who has these privileges.
/// @param doing  what was refused: "loading"
/// @param also   CAP_PERFMON or CAP_NET_ADMIN are needed as well, by most programs
inline void add_privilege_hint(sentence& text, std::string_view doing, privileges const& own, bool also) noexcept {
  bool const enough =
      own.has(privileges::cap_bpf) && (!also || own.has(privileges::cap_perfmon) || own.has(privileges::cap_net_admin));
  std::string_view const needed = also ? "CAP_BPF, and CAP_PERFMON or CAP_NET_ADMIN for most programs" : "CAP_BPF";
  if (!own.initial_user_namespace) {
    text.add(doing, " needs ", needed,
             ", outside of the user namespace in which this process lives: root of a user "
             "namespace is not root (a BPF token can be given to it)");
  } else if (enough) {
    text.add(
        "this process has the capabilities: the kernel's lockdown, an LSM, a container's seccomp filter or, before "
        "Linux 5.11, RLIMIT_MEMLOCK forbids it");
  } else {
    text.add(doing, " needs ", needed, ": run as root");
  }
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
