// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_ATOMIC_REF_HPP
#define BPFMAP_CORE_ATOMIC_REF_HPP

// std::atomic_ref, or what bpfmap and its users need of it where the standard library has none (libc++ before 19).

#include <atomic>
#include <cstddef>
#include <type_traits>

#include <bpfmap/core/version.hpp>

namespace bpfmap::inline BPFMAP_ABI {
namespace detail {

static_assert(static_cast<int>(std::memory_order_relaxed) == __ATOMIC_RELAXED &&
              static_cast<int>(std::memory_order_consume) == __ATOMIC_CONSUME &&
              static_cast<int>(std::memory_order_acquire) == __ATOMIC_ACQUIRE &&
              static_cast<int>(std::memory_order_release) == __ATOMIC_RELEASE &&
              static_cast<int>(std::memory_order_acq_rel) == __ATOMIC_ACQ_REL &&
              static_cast<int>(std::memory_order_seq_cst) == __ATOMIC_SEQ_CST);

// By the compilers' own functions: of integers all of std::atomic_ref but waiting, of other types no arithmetic.
template <class T>
class builtin_atomic_ref {
  static_assert(std::is_trivially_copyable_v<T>, "an atomic value must be trivially copyable");
  static constexpr bool whole_word = (sizeof(T) & (sizeof(T) - 1)) == 0 && sizeof(T) <= 16;
  static constexpr bool is_integer = std::is_integral_v<T> && !std::is_same_v<std::remove_cv_t<T>, bool>;
  static constexpr auto seq_cst = std::memory_order_seq_cst;

 public:
  using value_type = T;
  static constexpr std::size_t required_alignment = whole_word && sizeof(T) > alignof(T) ? sizeof(T) : alignof(T);
  static constexpr bool is_always_lock_free = __atomic_always_lock_free(sizeof(T), nullptr);

  explicit builtin_atomic_ref(T& object) noexcept : at_(static_cast<aligned*>(static_cast<void*>(&object))) {}
  builtin_atomic_ref(builtin_atomic_ref const&) noexcept = default;
  builtin_atomic_ref& operator=(builtin_atomic_ref const&) = delete;
  ~builtin_atomic_ref() = default;

  T operator=(T desired) const noexcept {  // as std::atomic_ref: the value, not a reference
    store(desired);
    return desired;
  }
  operator T() const noexcept { return load(); }
  [[nodiscard]] bool is_lock_free() const noexcept { return is_always_lock_free; }

  [[nodiscard]] T load(std::memory_order order = seq_cst) const noexcept {
    std::remove_cv_t<T> value;
    __atomic_load(at_, &value, builtin(order));
    return value;
  }
  void store(T desired, std::memory_order order = seq_cst) const noexcept {
    __atomic_store(at_, &desired, builtin(order));
  }
  T exchange(T desired, std::memory_order order = seq_cst) const noexcept {
    T before;
    __atomic_exchange(at_, &desired, &before, builtin(order));
    return before;
  }

  bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                             std::memory_order failure) const noexcept {
    return exchange_if(expected, desired, true, success, failure);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order order = seq_cst) const noexcept {
    return exchange_if(expected, desired, true, order, order_of_failure(order));
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) const noexcept {
    return exchange_if(expected, desired, false, success, failure);
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order order = seq_cst) const noexcept {
    return exchange_if(expected, desired, false, order, order_of_failure(order));
  }

  T fetch_add(T more, std::memory_order order = seq_cst) const noexcept
    requires is_integer
  {
    return __atomic_fetch_add(at_, more, builtin(order));
  }
  T fetch_sub(T less, std::memory_order order = seq_cst) const noexcept
    requires is_integer
  {
    return __atomic_fetch_sub(at_, less, builtin(order));
  }
  T fetch_and(T mask, std::memory_order order = seq_cst) const noexcept
    requires is_integer
  {
    return __atomic_fetch_and(at_, mask, builtin(order));
  }
  T fetch_or(T mask, std::memory_order order = seq_cst) const noexcept
    requires is_integer
  {
    return __atomic_fetch_or(at_, mask, builtin(order));
  }
  T fetch_xor(T mask, std::memory_order order = seq_cst) const noexcept
    requires is_integer
  {
    return __atomic_fetch_xor(at_, mask, builtin(order));
  }

  // What is in memory is the result modulo 2 to the power of its width; so is what these give.
  T operator++() const noexcept
    requires is_integer
  {
    return __atomic_add_fetch(at_, T{1}, __ATOMIC_SEQ_CST);
  }
  T operator--() const noexcept
    requires is_integer
  {
    return __atomic_sub_fetch(at_, T{1}, __ATOMIC_SEQ_CST);
  }
  T operator++(int) const noexcept
    requires is_integer
  {
    return fetch_add(T{1});
  }
  T operator--(int) const noexcept
    requires is_integer
  {
    return fetch_sub(T{1});
  }
  T operator+=(T more) const noexcept
    requires is_integer
  {
    return __atomic_add_fetch(at_, more, __ATOMIC_SEQ_CST);
  }
  T operator-=(T less) const noexcept
    requires is_integer
  {
    return __atomic_sub_fetch(at_, less, __ATOMIC_SEQ_CST);
  }
  T operator&=(T mask) const noexcept
    requires is_integer
  {
    return __atomic_and_fetch(at_, mask, __ATOMIC_SEQ_CST);
  }
  T operator|=(T mask) const noexcept
    requires is_integer
  {
    return __atomic_or_fetch(at_, mask, __ATOMIC_SEQ_CST);
  }
  T operator^=(T mask) const noexcept
    requires is_integer
  {
    return __atomic_xor_fetch(at_, mask, __ATOMIC_SEQ_CST);
  }

 private:
  static constexpr int builtin(std::memory_order order) noexcept { return static_cast<int>(order); }
  // What an order means for the load that a failed exchange is.
  static constexpr std::memory_order order_of_failure(std::memory_order order) noexcept {
    if (order == std::memory_order_acq_rel) return std::memory_order_acquire;
    if (order == std::memory_order_release) return std::memory_order_relaxed;
    return order;
  }

  bool exchange_if(T& expected, T desired, bool weak, std::memory_order success,
                   std::memory_order failure) const noexcept {
    return __atomic_compare_exchange(at_, &expected, &desired, weak, builtin(success), builtin(failure));
  }

  // What the caller promises, and clang would else warn of.
  using aligned [[gnu::aligned(required_alignment)]] = T;

  aligned* at_;
};

}  // namespace detail

#if defined(__cpp_lib_atomic_ref)
using std::atomic_ref;
#else
template <class T>
using atomic_ref = detail::builtin_atomic_ref<T>;
#endif

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
