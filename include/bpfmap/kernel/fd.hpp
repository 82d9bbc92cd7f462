// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_FD_HPP
#define BPFMAP_KERNEL_FD_HPP

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <bpfmap/core/error.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// Owns a file descriptor; move-only. Empty after a move or release().
class unique_fd {
 public:
  unique_fd() = default;
  /// Takes ownership of `fd`; a negative number means none.
  explicit unique_fd(int fd) noexcept : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~unique_fd() { reset(); }

  /// A second descriptor of the same open file, closed on exec (unlike dup(2)'s).
  /// @errors EBADF `fd` is not open; EMFILE the process has too many
  static unique_fd duplicate(int fd, std::error_code& ec) noexcept {
    int const copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    ec = copy < 0 ? make_error(errno) : std::error_code{};
    return unique_fd(copy);
  }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
  /// Gives the descriptor away: the caller closes it.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  /// Closes what is owned and takes `fd`. errno is kept: a destructor must not change it.
  void reset(int fd = -1) noexcept {
    if (int const old = std::exchange(fd_, fd); old >= 0) {
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
