// SPDX-License-Identifier: MIT
#ifndef BPFMAP_OBJECTS_LIBBPF_LOG_HPP
#define BPFMAP_OBJECTS_LIBBPF_LOG_HPP

// What libbpf prints, heard by the thread that makes it print. libbpf has one print callback for the whole process: a
// callback of bpfmap's stands in its place while a thread listens, and passes on what is not kept.

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <sched.h>
#include <unistd.h>

#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI {

namespace detail {

/// Bytes that grow, up to a limit, and never throw: what there is no memory for is left out.
class growing_text {
 public:
  growing_text() = default;
  growing_text(growing_text const&) = delete;
  growing_text& operator=(growing_text const&) = delete;
  growing_text(growing_text&& other) noexcept { swap(other); }
  growing_text& operator=(growing_text&& other) noexcept {
    growing_text taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~growing_text() { std::free(data_); }

  [[nodiscard]] std::string_view view() const noexcept { return {data_ == nullptr ? "" : data_, size_}; }
  void clear() noexcept { size_ = 0; }

  void append(std::string_view text) noexcept {
    if (text.empty() || !reserve(text.size())) return;
    std::memcpy(data_ + size_, text.data(), text.size());
    size_ += text.size();
  }
  /// As vprintf.
  [[gnu::format(printf, 2, 0)]] void print(char const* format, va_list arguments) noexcept {
    va_list again;
    va_copy(again, arguments);
    int const length = std::vsnprintf(nullptr, 0, format, arguments);
    if (length > 0 && reserve(static_cast<std::size_t>(length) + 1)) {
      std::vsnprintf(data_ + size_, static_cast<std::size_t>(length) + 1, format, again);
      size_ += static_cast<std::size_t>(length);
    }
    va_end(again);
  }
  /// Leaves the bytes from `begin`, `count` of them.
  void keep(std::size_t begin, std::size_t count) noexcept {
    if (begin != 0 && count != 0) std::memmove(data_, data_ + begin, count);
    size_ = count;
  }

 private:
  bool reserve(std::size_t more) noexcept {
    if (more <= room_ - size_) return true;
    std::size_t const room = size_ + more + size_ / 2;
    auto* const larger = static_cast<char*>(std::realloc(data_, room));
    if (larger == nullptr) return false;
    data_ = larger;
    room_ = room;
    return true;
  }
  void swap(growing_text& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(room_, other.room_);
  }

  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t room_ = 0;
};

/// libbpf's callback, shared by all threads that listen. Locked with the holder's process id, so that a child forked
/// while another thread held it takes it over instead of waiting for ever.
struct libbpf_print_place {
  std::atomic<pid_t> holder{0};
  pid_t counted_in = 0;  // in a child, the other threads' listeners are gone
  unsigned listeners = 0;
  std::atomic<libbpf_print_fn_t> next{nullptr};    // where lines go that are not kept
  std::atomic<libbpf_print_fn_t> before{nullptr};  // what that was before someone replaced us
};

/// Hears what libbpf prints in this thread while it lives. Begins and ends on one thread, in reverse order.
class libbpf_listener {
 public:
  enum class kind : std::uint8_t {
    keeps,    ///< nothing is printed
    quotes,   ///< all is printed as if nobody listened, but for the verifier's log
    silences  ///< nothing is printed, nothing kept: bpfmap's own questions to the kernel
  };

  explicit libbpf_listener(kind what) noexcept : kind_(what), outer_(innermost_) {
    take_place();
    innermost_ = this;
  }
  libbpf_listener(libbpf_listener const&) = delete;
  libbpf_listener& operator=(libbpf_listener const&) = delete;
  ~libbpf_listener() {
    int const kept = errno;
    innermost_ = outer_;
    give_place_back();
    errno = kept;
  }

  /// The lines so far, without the verifier's log.
  [[nodiscard]] std::string_view lines() const noexcept { return lines_.view(); }
  /// What the kernel said about the program that it refused last.
  [[nodiscard]] growing_text& verifier_log() noexcept { return log_; }
  /// The innermost one that keeps, of this thread; null if there is none.
  [[nodiscard]] static libbpf_listener const* keeper() noexcept {
    libbpf_listener const* each = innermost_;
    while (each != nullptr && each->kind_ != kind::keeps) each = each->outer_;
    return each;
  }

 private:
  // libbpf prints the log of a program that it could not load between these words, in one call.
  static constexpr char log_begin[] = "-- BEGIN PROG LOAD LOG --\n";
  static constexpr char log_end[] = "-- END PROG LOAD LOG --";
  static constexpr std::size_t max_lines = 65536;

  /// @return whether it goes on to those that listen outside
  [[gnu::format(printf, 2, 0)]] bool hear(char const* format, va_list arguments, bool debug) noexcept {
    if (debug || kind_ == kind::silences) return kind_ == kind::quotes;
    if (kind_ == kind::quotes && std::strstr(format, log_begin) != nullptr) {
      log_.clear();
      log_.print(format, arguments);
      std::string_view const all = log_.view();
      std::size_t const begin = all.find(log_begin);
      std::size_t const end = all.rfind(log_end);
      bool const whole = begin != all.npos && end != all.npos;
      std::size_t const first = whole ? begin + sizeof log_begin - 1 : 0;
      log_.keep(first, whole && end > first ? end - first : 0);
      return false;
    }
    // A runaway log must not eat the memory; what is left out is said.
    if (!full_) {
      lines_.print(format, arguments);
      full_ = lines_.view().size() > max_lines;
      if (full_) lines_.append("(more was left out)\n");
    }
    return kind_ == kind::quotes;
  }

  // Called by libbpf.
  [[gnu::format(printf, 2, 0)]] static int print(libbpf_print_level level, char const* format,
                                                 va_list arguments) noexcept {
    for (libbpf_listener* each = innermost_; each != nullptr; each = each->outer_) {
      va_list copy;
      va_copy(copy, arguments);
      bool const further = each->hear(format, copy, level == LIBBPF_DEBUG);
      va_end(copy);
      if (!further) return 0;
    }
    // A callback that was put in our place may itself pass lines on to us: those go to the one before it.
    if (passing_on_ > 1) return 0;
    libbpf_print_fn_t const next = (passing_on_ == 0 ? place_.next : place_.before).load(std::memory_order_relaxed);
    if (next == nullptr) return 0;
    ++passing_on_;
    int const printed = next(level, format, arguments);
    --passing_on_;
    return printed;
  }

  class holding {
   public:
    explicit holding(pid_t process) noexcept {
      for (pid_t seen = 0; !place_.holder.compare_exchange_weak(seen, process, std::memory_order_acquire);) {
        if (seen != process) continue;  // free now, or held in the parent: exchanged in the next round
        ::sched_yield();
        seen = 0;
      }
    }
    holding(holding const&) = delete;
    holding& operator=(holding const&) = delete;
    ~holding() { place_.holder.store(0, std::memory_order_release); }
  };

  static void take_place() noexcept {
    pid_t const process = ::getpid();
    holding const lock(process);
    if (place_.counted_in != process) {
      place_.counted_in = process;
      place_.listeners = 0;
      for (libbpf_listener const* each = innermost_; each != nullptr; each = each->outer_) ++place_.listeners;
    }
    ++place_.listeners;
    // Each time, because the user may have set a callback since the first.
    libbpf_print_fn_t const old = ::libbpf_set_print(&print);
    libbpf_print_fn_t const next = place_.next.load(std::memory_order_relaxed);
    if (old == &print || old == next) return;
    place_.before.store(next, std::memory_order_relaxed);
    place_.next.store(old, std::memory_order_relaxed);
  }

  static void give_place_back() noexcept {
    pid_t const process = ::getpid();
    holding const lock(process);
    if (place_.counted_in != process) return;  // forked while it listened: the next one counts anew
    if (--place_.listeners != 0) return;
    libbpf_print_fn_t const next = place_.next.load(std::memory_order_relaxed);
    // libbpf before 1.2 reads the pointer twice, to see whether it is null and to call it.
    if (next == nullptr && ::libbpf_major_version() == 1 && ::libbpf_minor_version() < 2) return;
    libbpf_print_fn_t const old = ::libbpf_set_print(next);
    if (old != &print) static_cast<void>(::libbpf_set_print(old));  // the user's own, set meanwhile
  }

  static inline constinit libbpf_print_place place_;
  static inline thread_local libbpf_listener* innermost_ = nullptr;
  static inline thread_local unsigned passing_on_ = 0;

  kind kind_;
  libbpf_listener* outer_;
  bool full_ = false;
  growing_text lines_;
  growing_text log_;
};

}  // namespace detail

/// While it lives, libbpf's warnings of this thread are collected here instead of printed, and are part of the errors
/// of bpfmap::object. Those of other threads go where they went before.
///
/// libbpf has one print callback for the whole process. The guard stands in its place and puts it back; the callback
/// that the user has set gets what no guard keeps. Begins and ends on one thread, guards of one thread in reverse
/// order.
/// @code
/// bpfmap::capture_libbpf_log log;
/// auto object = bpfmap::object::open("tool.bpf.o");
/// @endcode
class capture_libbpf_log {
 public:
  capture_libbpf_log() noexcept = default;
  capture_libbpf_log(capture_libbpf_log const&) = delete;
  capture_libbpf_log& operator=(capture_libbpf_log const&) = delete;

  /// What libbpf has said so far.
  [[nodiscard]] std::string text() const { return std::string(listener_.lines()); }

  /// What this thread's innermost guard has collected; empty if there is none.
  [[nodiscard]] static std::string current_text() {
    detail::libbpf_listener const* const keeper = detail::libbpf_listener::keeper();
    return keeper == nullptr ? std::string() : std::string(keeper->lines());
  }

 private:
  detail::libbpf_listener listener_{detail::libbpf_listener::kind::keeps};
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
