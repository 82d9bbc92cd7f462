// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_PROCESS_HPP
#define BPFMAP_KERNEL_PROCESS_HPP

// Which process this is: what a process must not share with one that it was forked off, it tells apart by this number.
//
// A page of memory tells it, which the kernel fills with zeros in every child that gets a copy of its parent's memory
// (MADV_WIPEONFORK, Linux 4.14): so fork() is seen, and _Fork() and clone(2) as well, of which pthread_atfork() hears
// nothing. Threads and vfork() share the memory itself, and then this number too, as is right.

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>

#include <bpfmap/core/version.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// On the page: 0 until this process has given itself a number.
struct process_page {
  std::atomic<std::uint32_t> number{0};
};

inline std::atomic<process_page*> the_process_page{nullptr};
/// The last number that this process or one before it took. Copied by fork, so no child takes a number twice.
inline std::atomic<std::uint32_t> last_process_number{0};
/// In the place of the page, where there is no such thing.
inline process_page no_process_page;

/// The page, made if need be; null if there is no memory for it now.
inline process_page* make_process_page() noexcept {
  std::size_t const bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return nullptr;
  process_page* made = &no_process_page;
  if (::madvise(at, bytes, MADV_WIPEONFORK) == 0)
    made = new (at) process_page;
  else if (errno == ENOMEM || errno == EAGAIN)
    made = nullptr;
  process_page* known = nullptr;
  bool const first =
      made != nullptr && the_process_page.compare_exchange_strong(known, made, std::memory_order_acq_rel);
  if (!first || made == &no_process_page) ::munmap(at, bytes);
  return first ? made : known;
}

/// What process_number() does the first time in each process.
///
/// Where no page can be had, the process id must do, at the price of a system call each time: an emulator that does not
/// know MADV_WIPEONFORK, or no memory just now. It does not tell a process from an ancestor that has ended and whose id
/// was given again, nor from one with the same id in another PID namespace.
[[gnu::cold, gnu::noinline]] inline std::uint32_t new_process_number() noexcept {
  int const kept = errno;
  process_page* page = the_process_page.load(std::memory_order_acquire);
  if (page == nullptr) page = make_process_page();
  errno = kept;
  if (page == nullptr || page == &no_process_page) {
    constexpr std::uint32_t by_id = 1U << 31;  // no such number was ever counted
    return by_id | static_cast<std::uint32_t>(::getpid());
  }
  std::uint32_t number = 0;
  std::uint32_t const next = last_process_number.fetch_add(1, std::memory_order_relaxed) + 1;
  // Another thread may have been faster: then its number counts.
  return page->number.compare_exchange_strong(number, next, std::memory_order_relaxed) ? next : number;
}

/// A number for this process, never 0: another one than that of any process that it descends from.
/// @cost two loads
inline std::uint32_t process_number() noexcept {
  process_page const* const page = the_process_page.load(std::memory_order_acquire);
  std::uint32_t const number = page == nullptr ? 0 : page->number.load(std::memory_order_relaxed);
  return number != 0 ? number : new_process_number();
}

/// A mutex that a child does not find locked by a thread of its parent. What it guards must be whole at every moment,
/// as the thread that had it locked will not come back to complete it.
class process_mutex {
 public:
  constexpr process_mutex() noexcept = default;
  process_mutex(process_mutex const&) = delete;
  process_mutex& operator=(process_mutex const&) = delete;

  void lock() noexcept {
    std::uint32_t const here = process_number();
    for (;;) {
      std::uint32_t owner = owner_.load(std::memory_order_relaxed);
      if (owner == here)
        owner_.wait(owner, std::memory_order_relaxed);
      else if (owner_.compare_exchange_weak(owner, here, std::memory_order_acquire, std::memory_order_relaxed))
        return;
    }
  }
  void unlock() noexcept {
    owner_.store(0, std::memory_order_release);
    owner_.notify_one();
  }

 private:
  std::atomic<std::uint32_t> owner_{0};
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
