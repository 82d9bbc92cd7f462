// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_MEMORY_HPP
#define BPFMAP_KERNEL_MEMORY_HPP

#include <cerrno>
#include <cstddef>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/error.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// Memory of the kernel mapped into this process; unmapped when destroyed. Stays valid after the
/// descriptor is closed, and keeps what it shows alive.
class mapping {
 public:
  mapping() = default;
  mapping(mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  mapping& operator=(mapping&& other) noexcept {
    mapping taken(std::move(other));  // so that `other` is empty afterwards, and what was here is unmapped
    std::swap(data_, taken.data_);
    std::swap(bytes_, taken.bytes_);
    return *this;
  }
  ~mapping() {
    if (data_ == nullptr) return;
    int const kept = errno;
    ::munmap(data_, bytes_);
    errno = kept;
  }

  /// Maps `bytes` from `offset` of `fd`, shared; `bytes` is rounded up to pages.
  static mapping map(int fd, std::size_t bytes, std::size_t offset, bool writable, std::error_code& ec) noexcept {
    mapping made;
    made.bytes_ = round_up(bytes, page_size());
    if (made.bytes_ < bytes) {
      ec = make_error(EOVERFLOW);
      return {};
    }
    void* const at = ::mmap(nullptr, made.bytes_, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd,
                            static_cast<off_t>(offset));
    if (at == MAP_FAILED) {
      ec = make_error(errno);
      return {};
    }
    ec.clear();
    made.data_ = at;
    return made;
  }

  static std::size_t page_size() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

  /// Leaves what is mapped as it is: it is not this process' any more.
  void forget() noexcept {
    data_ = nullptr;
    bytes_ = 0;
  }

  [[nodiscard]] std::byte* data() const noexcept { return static_cast<std::byte*>(data_); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
