// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_FD_HPP
#define BPFMAP_KERNEL_FD_HPP

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <bpfmap/core/error.hpp>

namespace bpfmap::inline BPFMAP_ABI {

namespace detail {

inline constexpr int first_above_stdio = 3;

/// A copy of `fd`, closed on exec, that is not 0, 1 or 2; else -1 and errno.
inline int copy_above_stdio(int fd) noexcept {
  int const copy = ::fcntl(fd, F_DUPFD_CLOEXEC, first_above_stdio);
  if (copy < 0 && errno == EINVAL) errno = EMFILE;  // no number so high is allowed
  return copy;
}

/// `fd`; or, if it is 0, 1 or 2, a copy above those in its place: a process that was started without standard input,
/// output and error, or opens others later, must not take a map for them. A negative errno, and no descriptor, if there
/// is no room for a copy.
inline int above_stdio(int fd) noexcept {
  if (fd < 0 || fd >= first_above_stdio) return fd;
  int const moved = copy_above_stdio(fd);
  int const number = errno;
  ::close(fd);
  if (moved >= 0) return moved;
  errno = number;
  return -number;
}

}  // namespace detail

/// Owns a file descriptor; move-only. Empty after a move or release(). What it owns is never 0, 1 or 2: such a one is
/// closed, and a copy owned in its place.
class unique_fd {
 public:
  unique_fd() = default;
  /// Takes ownership of `fd`; a negative number means none. Also none, and errno EMFILE, if it was 0, 1 or 2 and could
  /// not be copied.
  explicit unique_fd(int fd) noexcept : fd_(detail::above_stdio(fd)) {}
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~unique_fd() { reset(); }

  /// A second descriptor of the same open file, closed on exec (unlike dup(2)'s).
  /// @errors EBADF `fd` is not open; EMFILE the process has too many
  static unique_fd duplicate(int fd, std::error_code& ec) noexcept {
    int const copy = detail::copy_above_stdio(fd);
    ec = copy < 0 ? make_error(errno) : std::error_code{};
    return unique_fd(copy);
  }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
  /// Gives the descriptor away: the caller closes it.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  /// Closes what is owned and takes `fd`, as the constructor. Closing keeps errno: a destructor must not change it.
  void reset(int fd = -1) noexcept {
    if (int const old = std::exchange(fd_, detail::above_stdio(fd)); old >= 0) {
      int const kept = errno;
      ::close(old);
      errno = kept;
    }
  }

 private:
  int fd_ = -1;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
