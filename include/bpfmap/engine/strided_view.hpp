// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_STRIDED_VIEW_HPP
#define BPFMAP_ENGINE_STRIDED_VIEW_HPP

#include <compare>
#include <cstddef>
#include <iterator>
#include <ranges>
#include <type_traits>

#include <bpfmap/core/cpu.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// Elements of an array map in the kernel's memory, which lie 8-byte-rounded apart: a std::span that also
/// works for a std::uint32_t. Does not own the memory.
template <class T>
class strided_view : public std::ranges::view_base {
  using byte_type = std::conditional_t<std::is_const_v<T>, std::byte const, std::byte>;
  static constexpr std::ptrdiff_t stride = detail::slot_stride<std::remove_const_t<T>>;

 public:
  class iterator {
   public:
    using iterator_concept = std::random_access_iterator_tag;
    using iterator_category = std::random_access_iterator_tag;
    using value_type = std::remove_const_t<T>;
    using difference_type = std::ptrdiff_t;
    using reference = T&;
    using pointer = T*;

    iterator() = default;
    explicit iterator(byte_type* at) noexcept : at_(at) {}

    reference operator*() const noexcept { return *operator->(); }
    pointer operator->() const noexcept { return detail::object_at<T>(at_); }
    reference operator[](difference_type n) const noexcept { return *(*this + n); }
    iterator& operator+=(difference_type n) noexcept {
      at_ += n * stride;
      return *this;
    }
    iterator& operator-=(difference_type n) noexcept { return *this += -n; }
    iterator& operator++() noexcept { return *this += 1; }
    iterator& operator--() noexcept { return *this += -1; }
    iterator operator++(int) noexcept {
      iterator const old = *this;
      ++*this;
      return old;
    }
    iterator operator--(int) noexcept {
      iterator const old = *this;
      --*this;
      return old;
    }
    friend iterator operator+(iterator it, difference_type n) noexcept { return it += n; }
    friend iterator operator+(difference_type n, iterator it) noexcept { return it += n; }
    friend iterator operator-(iterator it, difference_type n) noexcept { return it -= n; }
    friend difference_type operator-(iterator a, iterator b) noexcept { return (a.at_ - b.at_) / stride; }
    friend auto operator<=>(iterator const&, iterator const&) = default;

   private:
    byte_type* at_ = nullptr;
  };

  strided_view() = default;
  strided_view(byte_type* first, std::size_t size) noexcept : first_(first), size_(size) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Element `i`, which must be below size().
  [[nodiscard]] T& operator[](std::size_t i) const noexcept {
    return *detail::object_at<T>(first_ + i * static_cast<std::size_t>(stride));
  }
  [[nodiscard]] iterator begin() const noexcept { return iterator(first_); }
  [[nodiscard]] iterator end() const noexcept { return iterator(first_) + static_cast<std::ptrdiff_t>(size_); }

 private:
  byte_type* first_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace bpfmap::inline BPFMAP_ABI

template <class T>
inline constexpr bool std::ranges::enable_borrowed_range<bpfmap::strided_view<T>> = true;

#endif
