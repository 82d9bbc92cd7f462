// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_BULK_HPP
#define BPFMAP_CORE_BULK_HPP

// What calls on many elements give back, and the ways in which they are done.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <bpfmap/core/error.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// How a call on many elements reaches them. All ways give the same results and the same errors.
enum class bulk_path : std::uint8_t {
  automatic,  ///< chosen when the program runs; also: no such call was made yet
  in_kernel,  ///< a small program of bpfmap's own loops in the kernel: Linux 5.14, and CAP_BPF to load it
  batch,      ///< BPF_MAP_*_BATCH
  single      ///< one system call an element
};

/// Names ways: "in_kernel".
constexpr std::string_view to_string(bulk_path path) noexcept {
  switch (path) {
    case bulk_path::automatic:
      return "automatic";
    case bulk_path::in_kernel:
      return "in_kernel";
    case bulk_path::batch:
      return "batch";
    case bulk_path::single:
      return "single";
  }
  return "automatic";
}

/// How far a call on many keys came.
struct bulk_result {
  /// Keys that were found, inserted, assigned or erased.
  std::uint64_t matched = 0;
  /// Keys that are done, counted from the first: all of them, or, after an error, the place of the key that met it.
  /// What stands behind it was not touched.
  std::uint64_t handled = 0;

  friend bool operator==(bulk_result const&, bulk_result const&) = default;
};

/// A bit for each key of a call on many: whether it was found, inserted, assigned or erased. Made to be used again: it
/// takes memory only when a call has more keys than any before.
/// @code
/// bpfmap::key_bits found;
/// flows.find(keys, values, found);
/// if (found[3]) use(values[3]);
/// @endcode
class key_bits {
 public:
  key_bits() = default;
  // An object that was moved from has no bits, and can be used again.
  key_bits(key_bits&& other) noexcept
      : words_(std::move(other.words_)),
        capacity_(std::exchange(other.capacity_, 0)),
        size_(std::exchange(other.size_, 0)) {}
  key_bits& operator=(key_bits&& other) noexcept {
    key_bits taken(std::move(other));
    std::swap(words_, taken.words_);
    std::swap(capacity_, taken.capacity_);
    std::swap(size_, taken.size_);
    return *this;
  }

  /// Whether key `i` of the last call matched; `i` must be below size().
  [[nodiscard]] bool operator[](std::size_t i) const noexcept { return (words_[i / 64] >> (i % 64) & 1) != 0; }
  /// How many keys the last call had.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// `bits` zeros; false if there is not enough memory.
  bool reset(std::size_t bits) noexcept {
    std::size_t const words = bits / 64 + 1;
    if (words > capacity_) {
      words_.reset(new (std::nothrow) std::uint64_t[words]);
      capacity_ = words_ ? words : 0;
      size_ = 0;
    }
    if (words > capacity_) return false;
    std::fill_n(words_.get(), words, std::uint64_t{0});
    size_ = bits;
    return true;
  }
  void set(std::size_t i) noexcept { words_[i / 64] |= std::uint64_t{1} << (i % 64); }
  /// Sets `many` from bit `first`.
  void set(std::size_t first, std::size_t many) noexcept {
    for (; many != 0 && first % 64 != 0; --many) set(first++);
    for (; many >= 64; many -= 64, first += 64) words_[first / 64] = ~std::uint64_t{0};
    for (; many != 0; --many) set(first++);
  }

 private:
  std::unique_ptr<std::uint64_t[]> words_;
  std::size_t capacity_ = 0;  // in words
  std::size_t size_ = 0;
};

/// A call on many elements that ended early; progress() tells how far it came.
class bulk_error : public error {
 public:
  bulk_error(std::error_code code, bpfmap::operation what, std::string_view subject, std::string map_name,
             std::string hint, bulk_result progress)
      : error(code, what, subject, std::move(map_name), std::move(hint)), progress_(progress) {}

  [[nodiscard]] bulk_result progress() const noexcept { return progress_; }

 private:
  bulk_result progress_;
};

namespace detail {

// As raise(), for calls on many elements.
[[noreturn, gnu::cold, gnu::noinline]] inline void raise_bulk(std::error_code code, operation what,
                                                              std::string_view subject, std::string map_name,
                                                              std::string hint, bulk_result progress) {
#if BPFMAP_EXCEPTIONS
  throw bulk_error(code, what, subject, std::move(map_name), std::move(hint), progress);
#else
  static_cast<void>(code), static_cast<void>(what), static_cast<void>(subject);
  static_cast<void>(map_name), static_cast<void>(hint), static_cast<void>(progress);
  __builtin_unreachable();
#endif
}

}  // namespace detail

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
