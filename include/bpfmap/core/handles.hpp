// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_HANDLES_HPP
#define BPFMAP_CORE_HANDLES_HPP

// File descriptors that say what they are of. Maps take kernel objects by descriptor, as values (a socket of a
// sockmap) or as keys (a task of task_storage); an int that is neither does not compile.

#include <bpfmap/core/version.hpp>

namespace bpfmap::inline BPFMAP_ABI {

namespace detail {

// A borrowed descriptor. `Kind` keeps the kinds apart, also where they are compared.
template <class Kind>
class strong_fd {
 public:
  /// None: -1, which the kernel refuses with EBADF.
  strong_fd() = default;
  /// `fd` stays the caller's: it is not closed, and need not outlive the call that it is passed to.
  explicit constexpr strong_fd(int fd) noexcept : fd_(fd) {}

  [[nodiscard]] constexpr int get() const noexcept { return fd_; }
  friend constexpr bool operator==(Kind const& one, Kind const& other) noexcept { return one.get() == other.get(); }

 private:
  int fd_ = -1;
};

}  // namespace detail

/// A socket's descriptor, borrowed.
/// @code
/// peers.insert_or_assign(0, bpfmap::socket_fd(accepted));
/// @endcode
class socket_fd : public detail::strong_fd<socket_fd> {
 public:
  using strong_fd::strong_fd;
};

/// Any file's descriptor, borrowed: it stands for the file's inode.
class file_fd : public detail::strong_fd<file_fd> {
 public:
  using strong_fd::strong_fd;
};

/// A process's descriptor (pidfd_open(2)), borrowed.
class pid_fd : public detail::strong_fd<pid_fd> {
 public:
  using strong_fd::strong_fd;
};

/// A perf event's descriptor (perf_event_open(2)), borrowed.
class perf_event_fd : public detail::strong_fd<perf_event_fd> {
 public:
  using strong_fd::strong_fd;
};

/// The descriptor of a cgroup's directory, borrowed.
class cgroup_fd : public detail::strong_fd<cgroup_fd> {
 public:
  using strong_fd::strong_fd;
};

/// A loaded BPF program's descriptor, borrowed. bpfmap::program converts to it.
class program_fd : public detail::strong_fd<program_fd> {
 public:
  using strong_fd::strong_fd;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
