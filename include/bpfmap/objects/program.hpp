// SPDX-License-Identifier: MIT
#ifndef BPFMAP_OBJECTS_PROGRAM_HPP
#define BPFMAP_OBJECTS_PROGRAM_HPP

// A program of an object: whether it is loaded, attaching it, running it once.

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/error.hpp>
#include <bpfmap/core/error_text.hpp>
#include <bpfmap/core/handles.hpp>
#include <bpfmap/kernel/sys.hpp>
#include <bpfmap/objects/causes.hpp>
#include <bpfmap/objects/libbpf_log.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// Owns the attachment of a program: it is detached when the link is destroyed. Move-only.
class link {
 public:
  link() = default;
  /// Takes over a link of libbpf's.
  explicit link(::bpf_link* taken) noexcept : link_(taken) {}
  link(link&& other) noexcept : link_(std::exchange(other.link_, nullptr)) {}
  link& operator=(link&& other) noexcept {
    if (this != &other) reset(std::exchange(other.link_, nullptr));
    return *this;
  }
  ~link() { reset(nullptr); }

  [[nodiscard]] explicit operator bool() const noexcept { return link_ != nullptr; }
  /// The link's descriptor, still owned; -1 if empty.
  [[nodiscard]] int fd() const noexcept { return link_ == nullptr ? -1 : ::bpf_link__fd(link_); }
  /// libbpf's handle, still owned.
  [[nodiscard]] ::bpf_link* get() const noexcept { return link_; }
  /// Gives libbpf's handle away: the program stays attached until the caller destroys it.
  [[nodiscard]] ::bpf_link* release() noexcept { return std::exchange(link_, nullptr); }
  /// Detaches now.
  void detach() noexcept { reset(nullptr); }

 private:
  void reset(::bpf_link* next) noexcept {
    int const kept = errno;
    if (::bpf_link* const old = std::exchange(link_, next); old != nullptr) ::bpf_link__destroy(old);
    errno = kept;
  }

  ::bpf_link* link_ = nullptr;
};

/// What program::run gives to the program.
struct run_options {
  std::span<std::byte> context = {};        ///< the program's context; changed in place by SYSCALL programs
  std::span<std::byte const> data_in = {};  ///< a packet, for networking programs
  std::span<std::byte> data_out = {};       ///< where the packet goes afterwards
  std::optional<cpu> where = {};            ///< run on this CPU: raw tracepoint programs, Linux 5.10
  std::uint32_t repeat = 0;                 ///< how often; 0: once
};

/// What program::run gives back.
struct run_result {
  std::uint32_t return_value = 0;
  std::chrono::nanoseconds duration{};  ///< of one run, on average
  std::size_t data_size = 0;            ///< bytes written to data_out
};

/// A program of an object, which owns it and must outlive this. Copyable; empty if there is no such program.
class program {
 public:
  program() = default;
  explicit program(::bpf_program* of_libbpf) noexcept : program_(of_libbpf) {}

  [[nodiscard]] explicit operator bool() const noexcept { return program_ != nullptr; }
  /// The name of the function; not cut to 15 characters like the kernel's.
  [[nodiscard]] std::string_view name() const noexcept {
    return program_ == nullptr ? "" : ::bpf_program__name(program_);
  }
  /// The ELF section, which says where it attaches: "raw_tp/sys_enter".
  [[nodiscard]] std::string_view section() const noexcept {
    return program_ == nullptr ? "" : ::bpf_program__section_name(program_);
  }
  /// The descriptor, owned by the object; -1 if it is not loaded.
  [[nodiscard]] int fd() const noexcept {
    int const fd = program_ == nullptr ? -1 : ::bpf_program__fd(program_);
    return fd < 0 ? -1 : fd;
  }
  /// As maps take it: prog_array, devmap and cpumap hold programs.
  operator program_fd() const noexcept { return program_fd(fd()); }  // NOLINT(google-explicit-constructor)
  /// libbpf's handle, for what bpfmap does not wrap.
  [[nodiscard]] ::bpf_program* get() const noexcept { return program_; }

  /// Whether object::load() loads it. True at first, unless its section begins with '?'.
  [[nodiscard]] bool autoload() const noexcept { return program_ != nullptr && ::bpf_program__autoload(program_); }

  /// Chooses whether object::load() loads it; only before that.
  /// @errors EINVAL the object is loaded already
  void set_autoload(bool on, std::error_code& ec) const noexcept {
    ec = code_of(program_ == nullptr ? -EBADF : ::bpf_program__set_autoload(program_, on));
    if (ec) note(operation::set_autoload, ec, "which programs are loaded must be chosen before load()");
  }

  /// Attaches it to where its section says.
  /// @errors EINVAL it is not loaded; EOPNOTSUPP its section does not say where; EPERM; ENOENT no such hook, or
  ///         tracefs is not mounted
  [[nodiscard]] link attach(std::error_code& ec) const noexcept {
    if (fd() < 0) {
      ec = make_error(program_ == nullptr ? EBADF : EINVAL);
      note(operation::attach, ec, not_loaded());
      return {};
    }
    detail::libbpf_listener const libbpf(detail::libbpf_listener::kind::quotes);
    link made(::bpf_program__attach(program_));
    ec = made ? std::error_code{} : make_error(errno);
    if (ec) {
      detail::sentence hint;
      detail::explain_attach(hint, program_, libbpf.lines(), ec.value());
      note(operation::attach, ec, hint);
    }
    return made;
  }

  /// Runs it now, once or more. BPF_PROG_TEST_RUN, Linux 4.12; which types can, and what they take, is the
  /// kernel's choice.
  /// @errors EINVAL it is not loaded, or its type does not take these options; 524 its type cannot be run so;
  ///         ENXIO the CPU is not online; ENOSPC data_out is too small; EINTR a signal came before the last of
  ///         several runs
  /// @cost one system call
  /// @code
  /// program.run({.where = bpfmap::cpu{1}});
  /// @endcode
  run_result run(run_options const& options, std::error_code& ec) const noexcept {
    bpf_test_run_opts raw{};
    raw.ctx_in = options.context.empty() ? nullptr : options.context.data();
    raw.ctx_size_in = static_cast<std::uint32_t>(options.context.size());
    raw.data_in = options.data_in.empty() ? nullptr : options.data_in.data();
    raw.data_size_in = static_cast<std::uint32_t>(options.data_in.size());
    raw.data_out = options.data_out.empty() ? nullptr : options.data_out.data();
    raw.data_size_out = static_cast<std::uint32_t>(options.data_out.size());
    raw.repeat = static_cast<int>(options.repeat);
    if (options.where) {
      raw.flags = BPF_F_TEST_RUN_ON_CPU;
      raw.cpu = options.where->id;
    }
    ec = code_of(fd() < 0 ? (program_ == nullptr ? -EBADF : -EINVAL) : sys::program_run(fd(), raw));
    if (ec) {
      note(operation::run, ec, fd() < 0 ? not_loaded() : "");
      return {};
    }
    return {raw.retval, std::chrono::nanoseconds(raw.duration), raw.data_size_out};
  }
  run_result run(std::error_code& ec) const noexcept { return run(run_options{}, ec); }

#if BPFMAP_EXCEPTIONS
  void set_autoload(bool on) const {
    std::error_code ec;
    set_autoload(on, ec);
    if (ec) fail(operation::set_autoload, ec);
  }
  [[nodiscard]] link attach() const {
    std::error_code ec;
    link made = attach(ec);
    if (ec) fail(operation::attach, ec);
    return made;
  }
  run_result run(run_options const& options = {}) const {
    std::error_code ec;
    run_result const result = run(options, ec);
    if (ec) fail(operation::run, ec);
    return result;
  }
#else
  // Not there, and say why.
  template <class... A>
  void set_autoload(A&&...) const
    requires throwing<>;
  template <class... A>
  link attach(A&&...) const
    requires throwing<>;
  template <class... A>
  run_result run(A&&...) const
    requires throwing<>;
#endif

 private:
  static std::error_code code_of(int result) noexcept { return result < 0 ? make_error(result) : std::error_code{}; }

  [[nodiscard]] std::string_view not_loaded() const noexcept {
    if (program_ == nullptr) return "there is no such program";
    return autoload() ? "the object is not loaded" : "the program is not loaded: its autoload was off";
  }
  void note(operation what, std::error_code ec, std::string_view hint) const noexcept {
    detail::sentence subject;
    subject.add("program '", name(), "'");
    detail::note_failure(ec, what, subject, name(), hint);
  }

#if BPFMAP_EXCEPTIONS
  // What was noted is thrown.
  [[noreturn, gnu::cold, gnu::noinline]] void fail(operation what, std::error_code ec) const {
    std::string hint(detail::last_hint());
    if (std::string const log = capture_libbpf_log::current_text(); !log.empty()) hint.append("\n").append(log);
    detail::raise(ec, what, detail::join("program '", name(), "'"), std::string(name()), std::move(hint));
  }
#endif

  ::bpf_program* program_ = nullptr;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
