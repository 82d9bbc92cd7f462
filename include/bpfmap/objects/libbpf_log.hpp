// SPDX-License-Identifier: MIT
#ifndef BPFMAP_OBJECTS_LIBBPF_LOG_HPP
#define BPFMAP_OBJECTS_LIBBPF_LOG_HPP

#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <string>

#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// While it lives, libbpf's warnings are collected here instead of printed, and are part of the errors of
/// bpfmap::object.
///
/// libbpf has one print callback for the whole process, which bpfmap leaves alone otherwise. The guard replaces
/// it and puts it back; guards must end in the reverse order of their beginnings, whatever the thread.
/// @code
/// bpfmap::capture_libbpf_log log;
/// auto object = bpfmap::object::open("tool.bpf.o");
/// @endcode
class capture_libbpf_log {
 public:
  capture_libbpf_log() noexcept : outer_(current_), previous_(::libbpf_set_print(&collect)) { current_ = this; }
  capture_libbpf_log(capture_libbpf_log const&) = delete;
  capture_libbpf_log& operator=(capture_libbpf_log const&) = delete;
  ~capture_libbpf_log() {
    current_ = outer_;
    ::libbpf_set_print(previous_);
  }

  /// What libbpf has said so far.
  [[nodiscard]] std::string text() const {
    std::lock_guard<std::mutex> const lock(mutex_);
    return text_;
  }

  /// What the innermost guard has collected; empty if there is none.
  [[nodiscard]] static std::string current_text() { return current_ == nullptr ? std::string() : current_->text(); }

 private:
  // Called from C: nothing may be thrown.
  [[gnu::format(printf, 2, 0)]] static int collect(libbpf_print_level level, char const* format,
                                                   va_list arguments) noexcept {
    if (level == LIBBPF_DEBUG || current_ == nullptr) return 0;
    char line[1024];
    int const length = std::vsnprintf(line, sizeof line, format, arguments);
    std::lock_guard<std::mutex> const lock(current_->mutex_);
    // A runaway log must not eat the memory; what is left out is said.
    if (current_->text_.size() > max_text) return 0;
#if BPFMAP_EXCEPTIONS
    try {
#endif
      current_->text_.append(line);
      if (length >= static_cast<int>(sizeof line)) current_->text_.append("…\n");
      if (current_->text_.size() > max_text) current_->text_.append("(more was left out)\n");
#if BPFMAP_EXCEPTIONS
    } catch (...) {
      return 0;
    }
#endif
    return length;
  }

  static constexpr std::size_t max_text = 65536;
  static inline capture_libbpf_log* current_ = nullptr;

  capture_libbpf_log* outer_;
  libbpf_print_fn_t previous_;
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
