// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_PIN_HINT_HPP
#define BPFMAP_ENGINE_PIN_HINT_HPP

// What an errno of pin(), unpin() or open_pinned() means for a path: the file system is asked, so that what is said is
// so.

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpfmap/core/cstring.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// How a file system answers for a path.
enum class file_system : std::uint8_t { unknown, bpffs, another };

inline file_system file_system_of(char const* path) noexcept {
  constexpr auto bpffs_magic = 0xcafe4a11U;  // BPF_FS_MAGIC of <linux/magic.h>
  struct statfs about {};
  if (::statfs(path, &about) != 0) return file_system::unknown;
  return static_cast<unsigned>(about.f_type) == bpffs_magic ? file_system::bpffs : file_system::another;
}

inline bool may(char const* path, int what) noexcept { return ::faccessat(AT_FDCWD, path, what, AT_EACCESS) == 0; }

/// What comes after "the path": " exists already".
inline std::string_view pin_hint(cstring_view path, int number) {
  std::string_view const whole = path;
  auto const slash = whole.rfind('/');
  std::string const folder(slash == std::string_view::npos ? "." : slash == 0 ? "/" : whole.substr(0, slash));
  file_system const around = file_system_of(folder.c_str());
  switch (number) {
    case EPERM: {
      if (around == file_system::another) return " is not in a bpffs (mount -t bpf bpffs /sys/fs/bpf)";
      // The kernel keeps such names for itself; it refuses to look them up, as a directory, too.
      std::string_view const asked = around == file_system::unknown ? whole : whole.substr(slash + 1);
      if (asked.find('.') != std::string_view::npos) return " has a dot in a name, which bpffs does not take";
      return " is not for this process: CAP_BPF is missing";
    }
    case ENOENT:
      return around == file_system::unknown ? " is in a directory that does not exist" : " does not exist";
    case EEXIST:
      return " exists already";
    case ESTALE:
      return " holds another map";
    case EINVAL:
      return " is no pinned map, or not in a bpffs";
    case EACCES:
      if (file_system_of(path.c_str()) == file_system::another) return " is a file, but not in a bpffs: no pinned map";
      if (may(path.c_str(), R_OK) && !may(path.c_str(), W_OK)) {
        return " may be read by this user, but not written: open it with access::read_only";
      }
      return " is not accessible for this user";
    default:
      return {};
  }
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
