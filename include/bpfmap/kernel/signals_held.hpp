// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_SIGNALS_HELD_HPP
#define BPFMAP_KERNEL_SIGNALS_HELD_HPP

// Signals wait while a short call is made that they would end each time.

#include <csignal>
#include <initializer_list>

#include <bpfmap/core/version.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// No signal from outside comes to this thread while there is one of these; what came meanwhile is delivered
/// afterwards. Those that an instruction or a system call of its own raises are let through: held back, they would end
/// the process, though it may have a handler for them (a sandbox for SIGSYS, say).
class signals_held {
 public:
  signals_held() noexcept {
    ::sigset_t others;
    ::sigfillset(&others);
    for (int const own : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP}) ::sigdelset(&others, own);
    held_ = ::pthread_sigmask(SIG_BLOCK, &others, &before_) == 0;
  }
  signals_held(signals_held const&) = delete;
  signals_held& operator=(signals_held const&) = delete;
  ~signals_held() {
    if (held_) ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  ::sigset_t before_{};
  bool held_ = false;
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
