// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_PERF_RING_HPP
#define BPFMAP_KERNEL_PERF_RING_HPP

// One CPU's perf ring buffer: opened, mapped, and read record by record.

#include <linux/perf_event.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <system_error>
#include <utility>

#include <sys/syscall.h>
#include <unistd.h>

#include <bpfmap/core/atomic_ref.hpp>
#include <bpfmap/core/error.hpp>
#include <bpfmap/kernel/fd.hpp>
#include <bpfmap/kernel/memory.hpp>
#include <bpfmap/kernel/process.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

class perf_ring {
 public:
  enum class record : std::uint8_t { none, sample, lost, malformed, other };

  perf_ring() = default;
  perf_ring(perf_ring&&) = default;
  perf_ring& operator=(perf_ring&& other) noexcept {
    // Not member by member: what was here goes by the destructor.
    if (this != &other) {
      std::destroy_at(this);
      std::construct_at(this, std::move(other));
    }
    return *this;
  }
  // A forked child has the descriptor, but not the mapping (the kernel does not copy it): by now, something else may
  // lie there.
  ~perf_ring() {
    if (inherited()) memory_.forget();
  }

  /// Whether it belongs to the process that this one was forked off: then its memory is not here.
  [[nodiscard]] bool inherited() const noexcept { return process_ != process_number(); }

  /// Opens the ring of CPU `cpu`. `bytes` of records are rounded up to a power of two of pages.
  /// @errors ENODEV the CPU is not online; EACCES or EPERM no CAP_PERFMON and kernel.perf_event_paranoid forbids
  ///         it; EMFILE; ENOMEM or EPERM more than kernel.perf_event_mlock_kb
  static perf_ring open(std::uint32_t cpu, std::size_t bytes, std::uint32_t wakeup_events,
                        std::error_code& ec) noexcept {
    perf_ring ring;
    perf_event_attr attributes{};
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.size = sizeof attributes;
    attributes.config = PERF_COUNT_SW_BPF_OUTPUT;
    attributes.sample_type = PERF_SAMPLE_RAW;
    attributes.sample_period = 1;
    attributes.wakeup_events = wakeup_events;
    attributes.read_format = format_lost;
    ring.fd_.reset(perf_event_open(attributes, cpu));
    if (!ring.fd_ && errno == EINVAL) {
      // Before Linux 6.0: losses are known only from the records that tell of them.
      attributes.read_format = 0;
      ring.fd_.reset(perf_event_open(attributes, cpu));
    }
    if (!ring.fd_) {
      ec = make_error(errno);
      return {};
    }
    ring.tells_lost_ = attributes.read_format != 0;
    std::size_t const page = mapping::page_size();
    std::size_t const pages = std::bit_ceil((bytes + page - 1) / page);
    ring.memory_ = mapping::map(ring.fd_.get(), (pages + 1) * page, 0, true, ec);
    if (ec) return {};
    ring.data_ = ring.memory_.data() + page;
    ring.mask_ = pages * page - 1;
    ring.wrapped_.reset(new (std::nothrow) std::byte[max_record]);
    if (ring.wrapped_ == nullptr) {
      ec = make_error(ENOMEM);
      return {};
    }
    ring.cpu_ = cpu;
    ring.process_ = process_number();
    ring.tail_ = atomic_ref<__u64>(ring.page().data_tail).load(std::memory_order_relaxed);
    ring.end_ = ring.tail_;
    return ring;
  }

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] std::uint32_t cpu() const noexcept { return cpu_; }

  /// What is there now is what next() will give: a producer cannot keep a reader for ever.
  /// @return false: the positions are further apart than the ring has bytes, so somebody wrote over the kernel's. Then
  ///         there is nothing to read in this pass; the kernel's next record puts the position right.
  [[nodiscard]] bool begin_pass() noexcept {
    end_ = head();
    if (end_ - tail_ <= mask_ + 1) [[likely]]
      return true;
    end_ = tail_;
    return false;
  }

  /// Whether nothing is left that could be read, also of what came after begin_pass().
  [[nodiscard]] bool drained() const noexcept {
    std::uint64_t const waiting = head() - tail_;
    return waiting == 0 || waiting > mask_ + 1;
  }

  /// Looks at the next record of this pass. Its bytes stay valid until consume().
  record next() noexcept {
    if (tail_ == end_) return record::none;
    perf_event_header header{};
    // The kernel's records lie on multiples of 8 bytes, so that their headers are never cut.
    if (std::size_t const at = tail_ & mask_; at + sizeof header <= mask_ + 1) [[likely]] {
      std::memcpy(&header, data_ + at, sizeof header);
    } else {
      copy_out(&header, tail_, sizeof header);
    }
    size_ = header.size;
    if (size_ < sizeof header || size_ > end_ - tail_) {
      // Not what the kernel writes: nothing after it can be understood.
      size_ = end_ - tail_;
      return record::malformed;
    }
    bytes_ = whole_record();
    switch (header.type) {
      case PERF_RECORD_SAMPLE: {
        std::uint32_t length = 0;
        if (size_ < sizeof header + sizeof length) return record::malformed;
        std::memcpy(&length, bytes_ + sizeof header, sizeof length);
        if (length > size_ - sizeof header - sizeof length) return record::malformed;
        payload_ = {bytes_ + sizeof header + sizeof length, length};
        return record::sample;
      }
      case PERF_RECORD_LOST: {
        struct {
          std::uint64_t id;
          std::uint64_t lost;
        } body{};
        if (size_ < sizeof header + sizeof body) return record::malformed;
        std::memcpy(&body, bytes_ + sizeof header, sizeof body);
        lost_records_ += body.lost;
        return record::lost;
      }
      default:
        return record::other;
    }
  }

  /// What a program gave to bpf_perf_event_output; the kernel pads it, so it may be up to 7 bytes longer.
  [[nodiscard]] std::span<std::byte const> payload() const noexcept { return payload_; }

  /// Gives the record's room back to the kernel.
  void consume() noexcept {
    tail_ += size_;
    size_ = 0;
    atomic_ref<__u64>(page().data_tail).store(tail_, std::memory_order_release);
  }

  /// How many records found no room so far. Exact since Linux 6.0; before, a loss is known when a later record
  /// has found room again.
  [[nodiscard]] std::uint64_t lost() const noexcept {
    struct {
      std::uint64_t value;
      std::uint64_t lost;
    } counts{};
    if (!tells_lost_ || ::read(fd_.get(), &counts, sizeof counts) != static_cast<ssize_t>(sizeof counts)) {
      return lost_before_ + lost_records_;
    }
    return lost_before_ + counts.lost;
  }
  /// Adds what an earlier ring of the same CPU had lost.
  void add_lost(std::uint64_t records) noexcept { lost_before_ += records; }

 private:
  // PERF_FORMAT_LOST, newer than some distributions' <linux/perf_event.h>.
  static constexpr std::uint64_t format_lost = 1U << 4;
  // perf_event_header::size has 16 bits.
  static constexpr std::size_t max_record = 65536;

  static int perf_event_open(perf_event_attr& attributes, std::uint32_t cpu) noexcept {
    return static_cast<int>(
        ::syscall(SYS_perf_event_open, &attributes, -1, static_cast<int>(cpu), -1, PERF_FLAG_FD_CLOEXEC));
  }

  [[nodiscard]] perf_event_mmap_page& page() const noexcept { return *object_at<perf_event_mmap_page>(memory_.data()); }

  [[nodiscard]] std::uint64_t head() const noexcept {
    return atomic_ref<__u64>(page().data_head).load(std::memory_order_acquire);
  }

  // The ring's end may cut a record in two.
  void copy_out(void* to, std::uint64_t position, std::size_t bytes) const noexcept {
    std::size_t const at = position & mask_;
    std::size_t const first = std::min<std::size_t>(bytes, mask_ + 1 - at);
    std::memcpy(to, data_ + at, first);
    std::memcpy(static_cast<std::byte*>(to) + first, data_, bytes - first);
  }
  std::byte const* whole_record() noexcept {
    std::size_t const at = tail_ & mask_;
    if (at + size_ <= mask_ + 1) return data_ + at;
    copy_out(wrapped_.get(), tail_, size_);
    return wrapped_.get();
  }

  unique_fd fd_;
  mapping memory_;
  std::unique_ptr<std::byte[]> wrapped_;
  std::byte const* data_ = nullptr;
  std::size_t mask_ = 0;
  std::uint64_t tail_ = 0;
  std::uint64_t end_ = 0;
  std::size_t size_ = 0;
  std::byte const* bytes_ = nullptr;
  std::span<std::byte const> payload_;
  std::uint64_t lost_records_ = 0;
  std::uint64_t lost_before_ = 0;
  std::uint32_t cpu_ = 0;
  std::uint32_t process_ = 0;
  bool tells_lost_ = false;
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
