// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_MADE_ONCE_HPP
#define BPFMAP_CORE_MADE_ONCE_HPP

// What is made when it is first needed, and kept. Not by static variables in functions: what such a variable has found
// once it believes for ever, also that there were no descriptors just then; and a process that is forked off while a
// thread is making one waits for that thread, which it does not have.

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <new>
#include <system_error>
#include <utility>

#include <bpfmap/core/error.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// One T, made when it is first needed. Stays for the life of the process: a static object of this class has nothing
/// to construct and nothing to destroy, so it may be used before main() and after.
///
/// Nobody waits: threads that need it at once may each make one, and all get the one that was ready first. So a process
/// that is forked off meanwhile goes on as if nothing had been. A failure that may pass is told and forgotten, and the
/// next call tries again; any other is remembered.
///
/// A process that is forked off has a copy of what its parent made, and uses that. Where the two would meet in it
/// (shared memory, a lock), the calls say which `process` they are for: then the child makes its own, and what was made
/// for the parent is never touched.
template <class T>
class made_once {
 public:
  constexpr made_once() noexcept = default;
  made_once(made_once const&) = delete;
  made_once& operator=(made_once const&) = delete;

  /// What was made; null if nothing is yet.
  /// @cost one load
  [[nodiscard]] T* find(std::uint32_t process = 0) const noexcept {
    made* const found = newest_.load(std::memory_order_acquire);
    return found != nullptr && found->process == process ? &found->it : nullptr;
  }
  /// Whether something was made, be it for another process.
  [[nodiscard]] bool exists() const noexcept { return newest_.load(std::memory_order_relaxed) != nullptr; }
  /// Why there never will be one: an errno; 0 if none is known.
  [[nodiscard]] int refusal() const noexcept { return refusal_.load(std::memory_order_relaxed); }

  /// What was made. If nothing is yet, `make(it, ec)` is given a T to complete, or to say why that cannot be done.
  /// @return null if there is an error
  /// @errors those of `make`; ENOMEM
  /// @cost one load, once it is made
  template <class Make>
  T* get(Make const& make, std::error_code& ec, std::uint32_t process = 0) const
      noexcept(noexcept(make(std::declval<T&>(), ec))) {
    ec.clear();
    made* found = newest_.load(std::memory_order_acquire);
    if (found != nullptr && found->process == process) return &found->it;
    if (int const number = refusal(); number != 0) {
      ec = make_error(number);
      return nullptr;
    }
    std::unique_ptr<made> fresh(new (std::nothrow) made);
    if (fresh == nullptr) {
      ec = make_error(ENOMEM);
      return nullptr;
    }
    make(fresh->it, ec);
    if (ec) {
      if (!may_pass(ec)) refusal_.store(ec.value(), std::memory_order_relaxed);
      return nullptr;
    }
    fresh->process = process;
    fresh->inherited = found;
    // If another thread was faster, its is as good.
    bool const first = newest_.compare_exchange_strong(found, fresh.get(), std::memory_order_acq_rel);
    return first ? &fresh.release()->it : &found->it;
  }

 protected:
  struct made {
    T it{};
    std::uint32_t process = 0;
    made* inherited = nullptr;  // of the process that this one was forked off
  };

  mutable std::atomic<made*> newest_{nullptr};
  mutable std::atomic<int> refusal_{0};
};

/// The same as a part of an object that moves: goes with the object, all that was inherited included.
template <class T>
class owned_once : public made_once<T> {
  using base = made_once<T>;

 public:
  owned_once() noexcept = default;
  owned_once(owned_once&& other) noexcept { take(other); }
  owned_once& operator=(owned_once&& other) noexcept {
    if (this != &other) {
      clear();
      take(other);
    }
    return *this;
  }
  ~owned_once() { clear(); }

 private:
  void take(owned_once& other) noexcept {
    this->newest_.store(other.newest_.exchange(nullptr), std::memory_order_release);
    this->refusal_.store(other.refusal_.exchange(0), std::memory_order_relaxed);
  }
  void clear() noexcept {
    auto* each = this->newest_.exchange(nullptr);
    while (each != nullptr) {
      std::unique_ptr<typename base::made> const gone(each);
      each = gone->inherited;
    }
  }
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
