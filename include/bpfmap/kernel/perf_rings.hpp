// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_PERF_RINGS_HPP
#define BPFMAP_KERNEL_PERF_RINGS_HPP

// What a perf_reader owns: the rings of all CPUs, their entries in the array, and the pass over them that may be
// going on.

#include <linux/membarrier.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/error.hpp>
#include <bpfmap/kernel/fd.hpp>
#include <bpfmap/kernel/perf_ring.hpp>
#include <bpfmap/kernel/process.hpp>
#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// Entries of a perf event array live as long as the open file that they were made through, or until others replace
/// them. So the rings have an open file of their own, and nothing is ever deleted by its CPU: that entry may be another
/// reader's by now.
class perf_rings {
 public:
  /// Where the rings get their entries, and how large they are.
  struct setup {
    int map_fd = -1;
    std::uint32_t map_id = 0;
    std::uint64_t entries = 0;
    std::size_t bytes_per_cpu = 0;
    std::uint32_t wakeup_events = 0;
  };

  /// An owner that leaves: rings that a pass is going on over go when it ends.
  struct leave {
    void operator()(perf_rings* rings) const noexcept {
      if (!rings->busy_) {
        delete rings;
        return;
      }
      rings->abandoned_ = true;
      rings->own_file_.reset();  // programs are told at once that nobody listens
    }
  };
  using owner = std::unique_ptr<perf_rings, leave>;

  /// Rings for all CPUs that are online and have an entry. The entries come last, when nothing else can fail: they may
  /// have been a working reader's.
  static owner open(setup const& wanted, std::error_code& ec) noexcept {
    owner made(new (std::nothrow) perf_rings);
    if (made == nullptr) {
      ec = make_error(ENOMEM);
      return nullptr;
    }
    made->setup_ = wanted;
    made->own_file_ = own_file(wanted, ec);
    if (ec) return nullptr;
    made->epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!made->epoll_) {
      ec = make_error(errno);
      return nullptr;
    }
    made->renew(ec);
    if (ec) return nullptr;
    return made;
  }

  perf_rings(perf_rings const&) = delete;
  perf_rings& operator=(perf_rings const&) = delete;

  /// Gives every CPU that is online now a new ring. The old ones are kept until they have been read: they come first
  /// in the passes that follow.
  /// @errors EBUSY a pass is going on. After an error every CPU has one ring that programs write to, old or new.
  void renew(std::error_code& ec) noexcept {
    ec.clear();
    if (busy_) {
      ec = make_error(EBUSY);
      return;
    }
    drop_drained();
    cpu_set const online = online_cpus(ec);
    if (ec) return;
    std::unique_ptr<perf_ring[]> fresh(new (std::nothrow) perf_ring[online.size()]);
    std::unique_ptr<perf_ring[]> all(new (std::nothrow) perf_ring[count_ + online.size()]);
    if (fresh == nullptr || all == nullptr) {
      ec = make_error(ENOMEM);
      return;
    }
    std::size_t opened = 0;
    for (std::uint32_t const id : online) {
      if (id >= setup_.entries) continue;  // the map's policy accepts that
      fresh[opened] = perf_ring::open(id, setup_.bytes_per_cpu, setup_.wakeup_events, ec);
      if (ec.value() == ENODEV) {  // it went offline since
        ec.clear();
        continue;
      }
      if (!ec) watch(fresh[opened], ec);
      if (ec) break;
      ++opened;
    }
    std::size_t entered = 0;
    while (!ec && entered < opened) {
      std::uint32_t const id = fresh[entered].cpu();
      int const fd = fresh[entered].fd();
      int const stored = sys::map_update(own_file_.get(), &id, &fd, elem_flags::any);
      if (stored < 0)
        ec = make_error(stored);
      else
        ++entered;
    }
    for (std::size_t i = entered; i < opened; ++i) unwatch(fresh[i]);
    take_over(std::span(fresh.get(), entered), std::move(all), !ec);
  }

  /// Waits until a ring wakes who waits, `timeout_ms` at the most (negative: no limit).
  /// @return a positive number, 0 when the time is over or a signal has come, or a negative errno
  [[nodiscard]] int wait(int timeout_ms) const noexcept {
    // More than one, so that wake-ups for what has been consumed are forgotten many at a time.
    constexpr int max_ready = 64;
    epoll_event ready[max_ready];
    int const count = ::epoll_wait(epoll_.get(), ready, max_ready, timeout_ms);
    if (count >= 0) return count;
    return errno == EINTR ? 0 : -errno;
  }

  [[nodiscard]] int fd() const noexcept { return epoll_.get(); }

  /// All rings, those first that programs write to no more.
  [[nodiscard]] std::span<perf_ring> rings() const noexcept { return {rings_.get(), count_}; }
  /// The rings that programs write to.
  [[nodiscard]] std::span<perf_ring> current() const noexcept { return rings().subspan(retired_); }

  [[nodiscard]] std::uint64_t lost() const noexcept {
    std::uint64_t sum = lost_before_;
    for (perf_ring const& each : rings()) sum += each.lost();
    return sum;
  }
  [[nodiscard]] std::uint64_t lost(std::uint32_t cpu) const noexcept {
    std::uint64_t sum = 0;
    for (perf_ring const& each : rings()) {
      if (each.cpu() == cpu) sum += each.lost();
    }
    return sum;
  }

  /// Whether these are the rings of the process that this one was forked off: their memory is not here.
  [[nodiscard]] bool inherited() const noexcept { return process_ != process_number(); }
  /// Whether the reader has gone.
  [[nodiscard]] bool abandoned() const noexcept { return abandoned_; }

  /// How many records were not to be understood.
  std::uint64_t malformed = 0;

 private:
  friend class perf_pass;

  perf_rings() = default;
  ~perf_rings() = default;

  // An open file of the map that nobody else has. It takes CAP_SYS_ADMIN; without, the file is the one of the map's
  // object, and the entries stay until that is closed or another reader replaces them: what programs send then is
  // refused with ENOSPC, since the rings are gone.
  static unique_fd own_file(setup const& wanted, std::error_code& ec) noexcept {
    ec.clear();
    int const flags = ::fcntl(wanted.map_fd, F_GETFL);
    if (flags < 0) {
      ec = make_error(errno);
      return {};
    }
    // By its id it would be opened for writing.
    if ((flags & O_ACCMODE) == O_RDONLY) {
      ec = make_error(EPERM);
      return {};
    }
    unique_fd own(sys::map_fd_by_id(wanted.map_id));
    return own ? std::move(own) : unique_fd::duplicate(wanted.map_fd, ec);
  }

  void watch(perf_ring const& ring, std::error_code& ec) const noexcept {
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, ring.fd(), &wanted) != 0) ec = make_error(errno);
  }
  // Closing its descriptor would not be enough where a forked child has a copy.
  void unwatch(perf_ring const& ring) const noexcept { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, ring.fd(), nullptr); }

  // `all`: empty, with room for every ring. `whole`: CPUs without a fresh ring are offline, their rings are done.
  void take_over(std::span<perf_ring> fresh, std::unique_ptr<perf_ring[]> all, bool whole) noexcept {
    auto const replaced = [&](perf_ring const& old) {
      bool found = whole;
      for (perf_ring const& each : fresh) found = found || each.cpu() == old.cpu();
      return found;
    };
    std::size_t retired = 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      if (i < retired_ || replaced(rings_[i])) all[retired++] = std::move(rings_[i]);
    }
    count = retired;
    for (std::size_t i = retired_; i < count_; ++i) {
      if (rings_[i]) all[count++] = std::move(rings_[i]);
    }
    for (perf_ring& each : fresh) all[count++] = std::move(each);
    settled_ = retired == 0 || programs_have_left();
    rings_ = std::move(all);
    retired_ = retired;
    count_ = count;
  }

  // A program that found an old ring may still be writing to it. This waits for all that run (it is a grace period of
  // RCU, which programs run in). Refused where CPUs run without the scheduler's tick (nohz_full): then old rings are
  // kept until the next renewal.
  static bool programs_have_left() noexcept { return ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0; }

  // Retired rings that have been read to the end: their losses stay counted.
  void drop_drained() noexcept {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      perf_ring& ring = rings_[i];
      if (i >= retired_ || !ring.drained()) {
        if (kept != i) rings_[kept] = std::move(ring);
        ++kept;
        continue;
      }
      std::uint64_t const lost = ring.lost();
      perf_ring* heir = nullptr;
      for (std::size_t other = i + 1; other < count_ && heir == nullptr; ++other) {
        if (rings_[other].cpu() == ring.cpu()) heir = &rings_[other];
      }
      if (heir != nullptr)
        heir->add_lost(lost);
      else
        lost_before_ += lost;
      unwatch(ring);
      ring = {};
    }
    retired_ -= count_ - kept;
    count_ = kept;
  }

  setup setup_;
  unique_fd own_file_;
  unique_fd epoll_;
  std::unique_ptr<perf_ring[]> rings_;
  std::size_t retired_ = 0;  // the first ones: programs write to them no more
  std::size_t count_ = 0;    // all
  std::uint64_t lost_before_ = 0;
  std::uint32_t process_ = process_number();
  bool settled_ = true;  // no program is still writing to a retired one
  bool busy_ = false;
  bool abandoned_ = false;
};

/// The one pass over the rings that may be going on: they stay where they are meanwhile, whatever becomes of the
/// reader.
class perf_pass {
 public:
  perf_pass() = default;
  /// @errors EBADF there are no rings, or they are another process'; EBUSY another pass is going on, so this is called
  ///         from its callback
  perf_pass(perf_rings* rings, std::error_code& ec) noexcept {
    if (rings == nullptr || rings->inherited()) {
      ec = make_error(EBADF);
    } else if (rings->busy_) {
      ec = make_error(EBUSY);
    } else {
      ec.clear();
      rings_ = rings;
      rings_->busy_ = true;
      malformed_ = rings_->malformed;
      for (perf_ring& each : rings_->rings()) {
        if (!each.begin_pass()) ++rings_->malformed;
      }
    }
  }
  perf_pass(perf_pass&& other) noexcept : rings_(std::exchange(other.rings_, nullptr)), malformed_(other.malformed_) {}
  perf_pass& operator=(perf_pass&& other) noexcept {
    perf_pass taken(std::move(other));
    std::swap(rings_, taken.rings_);
    std::swap(malformed_, taken.malformed_);
    return *this;
  }
  ~perf_pass() {
    if (rings_ == nullptr) return;
    rings_->busy_ = false;
    if (rings_->abandoned_) {
      delete rings_;
    } else if (rings_->retired_ != 0 && rings_->settled_ && !rings_->inherited()) {
      rings_->drop_drained();
    }
  }

  [[nodiscard]] explicit operator bool() const noexcept { return rings_ != nullptr; }
  [[nodiscard]] perf_rings* operator->() const noexcept { return rings_; }
  [[nodiscard]] perf_rings& operator*() const noexcept { return *rings_; }

  /// Whether there is more to read after user code ran: the reader is still there, and this is still its process.
  [[nodiscard]] bool goes_on() const noexcept { return !rings_->abandoned() && !rings_->inherited(); }

  /// @errors EBADMSG some records were not to be understood; EBADF user code forked, and this is the child
  [[nodiscard]] std::error_code result() const noexcept {
    if (rings_->inherited()) return make_error(EBADF);
    return rings_->malformed == malformed_ ? std::error_code{} : make_error(EBADMSG);
  }

 private:
  perf_rings* rings_ = nullptr;
  std::uint64_t malformed_ = 0;
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
