// SPDX-License-Identifier: MIT
#ifndef BPFMAP_MAPS_QUEUE_HPP
#define BPFMAP_MAPS_QUEUE_HPP

// queue and stack: values in an order, without keys.

#include <cerrno>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/engine/count.hpp>
#include <bpfmap/engine/keyless_map.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// As the last argument of push(): where there is no room, the oldest element makes it. BPF_EXIST.
struct displacing_t {
  explicit displacing_t() = default;
};
inline constexpr displacing_t displacing{};

namespace detail {

/// What drain() can call.
template <class F, class T>
concept consumer_of =
    because<std::invocable<F, T const&>, "f is called as f(value), with a copy or a reference to const">;

/// The elements of a queue or stack; which of them comes first is the type's business.
template <class Derived, map_type Type, class T>
class list_map : public keyless_map<Derived, Type, T> {
 public:
  using size_type = std::uint64_t;

  /// Adds `value`. BPF_MAP_UPDATE_ELEM.
  /// @return true: added; false: max_size() elements are there already, and nothing was changed
  /// @errors EPERM frozen or read-only; EBUSY, EDEADLK or ETIMEDOUT the lock was held by an interrupted program
  /// @cost one system call, no allocation
  /// @concurrency atomic; programs may push and pop meanwhile
  bool push(T const& value, std::error_code& ec) const noexcept {
    return this->judge(put(value, elem_flags::any), traits_of(Type).errnos.full, ec);
  }
  bool push(T const& value) const
    requires throwing<>
  {
    return this->judge(put(value, elem_flags::any), traits_of(Type).errnos.full, operation::push);
  }
  /// Adds `value`; if there is no room, the oldest element is dropped (of a stack too, where that is the bottom).
  /// The kernel does not say whether one was. BPF_MAP_UPDATE_ELEM with BPF_EXIST.
  /// @errors, @cost, @concurrency as push()
  void push(T const& value, displacing_t, std::error_code& ec) const noexcept {
    this->judge(put(value, elem_flags::exist), 0, ec);
  }
  void push(T const& value, displacing_t) const
    requires throwing<>
  {
    this->judge(put(value, elem_flags::exist), 0, operation::push);
  }

  /// Takes the next element out: of a queue the oldest, of a stack the newest. BPF_MAP_LOOKUP_AND_DELETE_ELEM.
  /// @return nothing if there is none
  /// @errors, @cost, @concurrency as push()
  [[nodiscard]] std::optional<T> pop(std::error_code& ec) const noexcept {
    return fetch([this](T* to) { return sys::map_extract(this->fd(), nullptr, to); }, ec);
  }
  [[nodiscard]] std::optional<T> pop() const
    requires throwing<>
  {
    return fetch([this](T* to) { return sys::map_extract(this->fd(), nullptr, to); }, operation::pop);
  }

  /// The element that pop() would take, which stays. BPF_MAP_LOOKUP_ELEM.
  /// @return nothing if there is none
  /// @errors EPERM the descriptor is write-only; EBADF
  /// @cost one system call, no allocation
  [[nodiscard]] std::optional<T> peek(std::error_code& ec) const noexcept {
    return fetch([this](T* to) { return sys::map_lookup(this->fd(), nullptr, to); }, ec);
  }
  [[nodiscard]] std::optional<T> peek() const
    requires throwing<>
  {
    return fetch([this](T* to) { return sys::map_lookup(this->fd(), nullptr, to); }, operation::peek);
  }

  /// Pops elements and calls `f(value)` for each, until none is left; if `f` returns bool, false stops. Ends after
  /// max_size() elements, so that it ends although others push.
  /// @return how many were taken out; also of one for which `f` threw, nothing comes back
  /// @errors as pop()
  /// @cost one system call an element: the kernel has no batches for these types
  /// @code
  /// jobs.drain([&](job const& each) { run(each); });
  /// @endcode
  template <consumer_of<T> F>
  size_type drain(F&& f, std::error_code& ec) const noexcept(std::is_nothrow_invocable_v<F, T const&>) {
    size_type taken = 0;
    ec.clear();
    while (taken < this->max_size() || !*this) {
      std::optional<T> const next = pop(ec);
      if (!next) break;
      ++taken;
      if constexpr (std::same_as<std::invoke_result_t<F, T const&>, bool>) {
        if (!std::invoke(f, *next)) break;
      } else {
        std::invoke(f, *next);
      }
    }
    return taken;
  }
  template <consumer_of<T> F>
    requires throwing<>
  size_type drain(F&& f) const {
    std::error_code ec;
    size_type const taken = drain(std::forward<F>(f), ec);
    if (ec) this->fail(operation::drain, -ec.value());
    return taken;
  }

  /// How many elements there are, by the kernel's own counters, which a small program reads. Exact while nobody
  /// pushes or pops; otherwise what it was at some moment of the call, or nearly so.
  /// @errors EOPNOTSUPP the kernel has no BTF, or CAP_BPF and CAP_PERFMON are missing: there is no other way to count
  /// @cost 2 µs; the first call loads the program and reads the kernel's BTF, some ms
  [[nodiscard]] size_type size(std::error_code& ec) const noexcept {
    if (this->fd() < 0) {
      ec = make_error(EBADF);
      return 0;
    }
    return counter_.count({.fd = this->fd(),
                           .type = Type,
                           .key_size = 0,
                           .element_bytes = sizeof(T),
                           .max_entries = this->info().max_entries},
                          ec);
  }
  [[nodiscard]] size_type size() const
    requires throwing<>
  {
    std::error_code ec;
    size_type const count = size(ec);
    if (ec) this->fail(operation::size, -ec.value());
    return count;
  }
  /// The method that the last size() used; counting::none before the first.
  [[nodiscard]] counting counted_by() const noexcept { return counter_.used(); }

  /// Whether there is no element, by peek(): needs no capability.
  /// @errors, @cost as peek()
  [[nodiscard]] bool empty(std::error_code& ec) const noexcept { return !peek(ec) && !ec; }
  [[nodiscard]] bool empty() const
    requires throwing<>
  {
    return !fetch([this](T* to) { return sys::map_lookup(this->fd(), nullptr, to); }, operation::empty);
  }

 private:
  int put(T const& value, std::uint64_t flags) const noexcept {
    return sys::map_update(this->fd(), nullptr, std::addressof(value), flags);
  }

  // `report` is an error code to set, or the operation that throws.
  template <class Read, class Report>
  std::optional<T> fetch(Read const& read, Report&& report) const noexcept(!std::is_same_v<Report, operation>) {
    T value;
    if (!this->judge(read(std::addressof(value)), traits_of(Type).errnos.absent, report)) return std::nullopt;
    return value;
  }

  element_counter counter_;
};

}  // namespace detail

/// BPF_MAP_TYPE_QUEUE, Linux 4.20: the oldest element comes out first. Holds max_entries elements.
/// @code
/// auto jobs = bpfmap::queue<job>::create({.name = "jobs", .max_entries = 1024});
/// if (!jobs.push(next)) …                      // full
/// jobs.push(next, bpfmap::displacing);         // the oldest makes room
/// while (std::optional<job> each = jobs.pop()) …
/// @endcode
template <map_value T>
class queue : public detail::list_map<queue<T>, map_type::queue, T> {
  friend typename queue::typed_map;
};

/// BPF_MAP_TYPE_STACK, Linux 4.20: the newest element comes out first. Otherwise as queue; what push() displaces is
/// the oldest here too, at the bottom.
template <map_value T>
class stack : public detail::list_map<stack<T>, map_type::stack, T> {
  friend typename stack::typed_map;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
