// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_RING_MAP_HPP
#define BPFMAP_ENGINE_RING_MAP_HPP

// What the two ring buffers share: their size, and their memory. The kernel lays it out as a page with the
// consumer's position, a page with the producer's, and the records; user space may write the page of the side that
// it is (kernel/bpf/ringbuf.c, ringbuf_map_mmap_kern and ringbuf_map_mmap_user).

#include <algorithm>
#include <bit>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include <bpfmap/core/atomic_ref.hpp>
#include <bpfmap/core/concepts.hpp>
#include <bpfmap/engine/map_handle.hpp>
#include <bpfmap/kernel/memory.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// How far one position of a ring is ahead of another. Positions are the kernel's unsigned long and wrap around, in
/// 32-bit processes after 4 GiB; their distance is never more than the ring has bytes.
template <std::unsigned_integral Position>
constexpr std::uint64_t ring_distance(Position ahead, Position behind) noexcept {
  return static_cast<Position>(ahead - behind);
}

/// A map that is one stream of records, mapped into memory when it is created or bound.
template <class Derived, map_type Type>
class ring_map : public typed_map<Derived, Type> {
 public:
  /// Room for records, each with a header of 8 bytes, in bytes: max_size() under its right name.
  [[nodiscard]] std::uint64_t capacity() const noexcept { return this->max_size(); }

  /// How many bytes of records the producer has put in since the map was created, those included that are being
  /// written now.
  /// In 32-bit processes this and the next one are the numbers modulo 4 GiB.
  /// @cost none: the kernel's memory is read
  [[nodiscard]] std::uint64_t producer_position() const noexcept { return position(producer_.data()); }
  /// How many bytes of records the consumer has taken since the map was created.
  /// @cost none
  [[nodiscard]] std::uint64_t consumer_position() const noexcept { return position(consumer_.data()); }
  /// How many bytes of records wait for the consumer now.
  /// @cost none
  [[nodiscard]] std::uint64_t pending() const noexcept {
    // In this order, or the consumer could overtake what was read.
    unsigned long const taken = position(consumer_.data());
    return ring_distance(position(producer_.data()), taken);
  }

  /// The records as they lie in the kernel's memory: capacity() bytes, and the same ones once more behind them, so
  /// that a record is in one piece wherever it begins. Position p is at `p % capacity()`.
  /// Valid until this object is destroyed or assigned to; moving it along keeps it.
  /// @cost none
  [[nodiscard]] std::span<std::byte const> data() const noexcept {
    if (producer_.data() == nullptr) return {};
    return {producer_.data() + mapping::page_size(), 2 * static_cast<std::size_t>(capacity())};
  }

  // Near misses: these belong to other types. They never compile, and say why.
  template <class... A>
  void span(A&&...) const
    requires because<sizeof...(A) == ~0U,
                     "a ring buffer holds records of any length, not elements: data() shows their "
                     "bytes">;
  template <class... A>
  void find(A&&...) const
    requires because<sizeof...(A) == ~0U, "a ring buffer has no keys: its records come one after the other">;

 protected:
  static map_expectation expectation() noexcept { return {.type = Type, .key_size = 0, .value_size = 0, .flags = 0}; }

  // The rule of the kernel is a power of two of whole pages, and page sizes differ: rounded up here, as libbpf does
  // for the maps of objects.
  static void adjust(create_options& options, std::error_code& ec, std::string* why) {
    if (options.max_entries == 0) return;  // refused by the kernel, for a reason that the table knows
    if (options.max_entries > largest) {
      ec = make_error(EINVAL);
      if (why != nullptr) *why = detail::join("a ring buffer may have ", largest, " bytes at the most");
      return;
    }
    options.max_entries =
        std::bit_ceil(std::max(options.max_entries, static_cast<std::uint32_t>(mapping::page_size())));
  }

  void open(std::error_code& ec, std::string* why) {
    std::size_t const page = mapping::page_size();
    std::uint64_t const bytes = page + 2 * capacity();
    if (!std::in_range<std::size_t>(bytes))
      ec = make_error(ENOMEM);
    else
      consumer_ = mapping::map(this->fd(), page, 0, !user_produces, ec);
    if (!ec) producer_ = mapping::map(this->fd(), static_cast<std::size_t>(bytes), page, user_produces, ec);
    if (ec && why != nullptr) {
      *why = ec.value() == ENOMEM ? "there is no room for it in this process' address space"
                                  : "mapping it needs a descriptor that may read and write";
    }
  }

 private:
  static constexpr bool user_produces = Type == map_type::user_ringbuf;
  static constexpr std::uint32_t largest = 1U << 31;

  // The kernel's unsigned long. A load does not write, also not to read-only pages.
  static unsigned long position(std::byte* page) noexcept {
    if (page == nullptr) return 0;
    return atomic_ref<unsigned long>(*object_at<unsigned long>(page)).load(std::memory_order_acquire);
  }

  mapping consumer_;
  mapping producer_;  // and the records
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
