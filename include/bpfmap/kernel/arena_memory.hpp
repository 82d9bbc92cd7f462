// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_ARENA_MEMORY_HPP
#define BPFMAP_KERNEL_ARENA_MEMORY_HPP

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <system_error>
#include <utility>

#include <sys/mman.h>

#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/error.hpp>
#include <bpfmap/kernel/process.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// A share in the memory of an arena. The first mapping of an arena fixes its address for ever (kernel/bpf/arena.c,
/// arena_map_mmap), so a process can have one mapping of it only: all that show the arena share that.
class arena_memory {
 public:
  arena_memory() = default;
  arena_memory(arena_memory&& other) noexcept : mapped_(std::exchange(other.mapped_, nullptr)) {}
  arena_memory& operator=(arena_memory&& other) noexcept {
    arena_memory taken(std::move(other));
    std::swap(mapped_, taken.mapped_);
    return *this;
  }
  ~arena_memory() {
    if (mapped_ != nullptr) release();
  }

  /// The memory of the arena with this id, mapped now if this process has not mapped it yet.
  /// @param address  where it must be; 0: the kernel chooses
  /// @errors EEXIST something else is at the address; EBUSY, EINVAL another process had it mapped elsewhere; ENOMEM
  static arena_memory share(std::uint32_t id, int fd, std::size_t bytes, std::uint64_t address,
                            std::error_code& ec) noexcept {
    return find_or_make(id, bytes, ec, [&](entry& made) noexcept {
      // Not MAP_FIXED, which would replace what is there.
      int const flags = MAP_SHARED | (address == 0 ? 0 : MAP_FIXED_NOREPLACE);
      void* const at = ::mmap(reinterpret_cast<void*>(number_cast<std::uintptr_t>(address)), bytes,
                              PROT_READ | PROT_WRITE, flags, fd, 0);
      made.ours = true;
      made.data = at == MAP_FAILED ? nullptr : static_cast<std::byte*>(at);
      return at == MAP_FAILED ? errno : 0;
    });
  }

  /// Memory that somebody else in this process has mapped, and will unmap.
  static arena_memory lent(std::uint32_t id, std::byte* data, std::size_t bytes, std::error_code& ec) noexcept {
    return find_or_make(id, bytes, ec, [&](entry& made) noexcept {
      made.data = data;
      return 0;
    });
  }

  [[nodiscard]] std::byte* data() const noexcept { return mapped_ == nullptr ? nullptr : mapped_->data; }
  [[nodiscard]] std::size_t size() const noexcept { return mapped_ == nullptr ? 0 : mapped_->bytes; }

 private:
  // The mapping keeps the map alive: as long as there is an entry, no other map gets its id.
  struct entry {
    std::atomic<entry*> next;
    std::uint32_t id;
    std::size_t users;
    std::size_t bytes;
    std::byte* data = nullptr;
    bool ours = false;
  };
  // All of this process. The list is whole at every moment: a child may be forked off while a thread has the lock.
  static inline constinit std::atomic<entry*> first_{nullptr};
  static inline constinit process_mutex lock_;

  template <class Make>
  static arena_memory find_or_make(std::uint32_t id, std::size_t bytes, std::error_code& ec,
                                   Make const& make) noexcept {
    ec.clear();
    arena_memory shared;
    std::lock_guard<process_mutex> const lock(lock_);
    for (entry* each = first_; each != nullptr; each = each->next) {
      if (each->id != id) continue;
      ++each->users;
      shared.mapped_ = each;
      return shared;
    }
    auto* const made = new (std::nothrow) entry{first_.load(), id, 1, bytes};
    if (int const failed = made == nullptr ? ENOMEM : make(*made); failed != 0) {
      delete made;
      ec = make_error(failed);
      return shared;
    }
    first_ = made;
    shared.mapped_ = made;
    return shared;
  }

  void release() noexcept {
    int const kept = errno;
    std::lock_guard<process_mutex> const lock(lock_);
    if (--mapped_->users == 0) {
      std::atomic<entry*>* at = &first_;
      while (at->load() != mapped_) at = &at->load()->next;
      at->store(mapped_->next.load());
      if (mapped_->ours) ::munmap(mapped_->data, mapped_->bytes);
      delete mapped_;
    }
    errno = kept;
  }

  entry* mapped_ = nullptr;
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
