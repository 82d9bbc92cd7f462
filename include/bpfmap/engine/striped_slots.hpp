// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_STRIPED_SLOTS_HPP
#define BPFMAP_ENGINE_STRIPED_SLOTS_HPP

// The memory of a striped array: reads and writes what programs count there, without a system call.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <ranges>
#include <system_error>
#include <type_traits>
#include <utility>

#include <bpfmap/core/atomic_ref.hpp>
#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/reduce.hpp>
#include <bpfmap/core/stripes.hpp>
#include <bpfmap/engine/per_cpu.hpp>
#include <bpfmap/engine/walk_range.hpp>
#include <bpfmap/kernel/memory.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// The slots of all CPUs, mapped.
///
/// Programs write while this reads. What they write are aligned words of up to 8 bytes, each in one instruction. All
/// reads here are of whole aligned words too: as relaxed atomics where slots are copied, and as plain loads in loops
/// that the compiler turns into vector instructions, which it does with no atomic. A vector load may see some words
/// before and others after a write, but no half of one: the lanes of an aligned array lie in one cache line each, and
/// both x86-64 and arm64 fetch an aligned lane of 8 bytes in one piece. Every read begins with a fence for the
/// compiler, so that a loop that waits for a number does not keep an old one in a register.
template <per_cpu_slot Slot, class Reducer>
class striped_slots {
  using values = reduced_values<Slot, Reducer>;

 public:
  using mapped_type = typename values::mapped_type;
  /// Whether elements are reduced where they lie. Other reducers look at slots several times, and get a copy that does
  /// not change meanwhile.
  static constexpr bool in_place = accumulating_reducer<Reducer, Slot>;

  /// Maps the memory: to read and write, or, of maps that are frozen or for reading only, to read.
  /// @errors those of mmap
  void open(int fd, stripe_layout const& layout, cpu_set const& cpus, std::error_code& ec) noexcept {
    std::size_t const bytes = number_cast<std::size_t>(layout.elements()) * sizeof(cell);
    memory_ = mapping::map(fd, bytes, 0, true, ec);
    writable_ = !ec;
    if (ec.value() == EPERM || ec.value() == EACCES) memory_ = mapping::map(fd, bytes, 0, false, ec);
    layout_ = layout;
    cpus_ = &cpus;
  }

  /// How many indices there are; none before open(), and in an object that was moved from.
  [[nodiscard]] std::uint32_t size() const noexcept { return memory_.data() == nullptr ? 0 : layout_.entries; }
  [[nodiscard]] bool writable() const noexcept { return writable_; }
  [[nodiscard]] bool has(cpu which) const noexcept { return cpus_->contains(which.id); }

  /// The bytes that reduce() and totals() need to copy slots to: none, if they need none.
  [[nodiscard]] std::size_t room() const noexcept {
    return in_place || size() == 0 ? 0 : values::element_bytes(cpus_->size());
  }

  /// All CPUs' slots of one index as one value.
  [[nodiscard]] mapped_type reduce(std::uint32_t index, [[maybe_unused]] std::byte* room) const
      noexcept(values::nothrow) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if constexpr (in_place) {
      mapped_type to{};
      for (std::uint32_t const id : *cpus_) Reducer{}.accumulate(to, at(id, index)->value);
      return to;
    } else {
      std::byte* next = room;
      for (std::uint32_t const id : *cpus_) {
        load_words(next, at(id, index));
        next += sizeof(cell);
      }
      return values::decode(room, *cpus_);
    }
  }

  /// The values of `count` indices from 0 on.
  void totals(mapped_type* out, std::uint32_t count, std::byte* room) const noexcept(values::nothrow) {
    if constexpr (in_place) {
      std::atomic_signal_fence(std::memory_order_seq_cst);
      // A block of results stays in the first-level cache while stripe after stripe is added to it.
      constexpr auto block = static_cast<std::uint32_t>(std::max<std::size_t>(1, 4096 / sizeof(mapped_type)));
      for (std::uint32_t first = 0; first < count; first += std::min(block, count - first)) {
        std::uint32_t const many = std::min(block, count - first);
        std::fill_n(out + first, many, mapped_type{});
        // From zeros on: to copy the first stripe would be a memcpy(), which promises nothing about words. Two stripes
        // at a time: half as many reads and writes of results.
        std::size_t rank = 0;
        for (; rank + 1 < cpus_->size(); rank += 2) {
          add(out + first, many, at((*cpus_)[rank], first), at((*cpus_)[rank + 1], first));
        }
        if (rank < cpus_->size()) add(out + first, many, at((*cpus_)[rank], first));
      }
    } else {
      for (std::uint32_t index = 0; index < count; ++index) out[index] = reduce(index, room);
    }
  }

  /// One CPU's slot.
  [[nodiscard]] Slot load(std::uint32_t index, cpu which) const noexcept {
    alignas(cell) std::byte words[sizeof(cell)];
    load_words(words, at(which.id, index));
    Slot slot;
    std::memcpy(static_cast<void*>(&slot), words, sizeof slot);
    return slot;
  }
  void store(std::uint32_t index, cpu which, Slot const& slot) const noexcept {
    alignas(cell) std::byte words[sizeof(cell)]{};
    std::memcpy(words, static_cast<void const*>(&slot), sizeof slot);
    store_words(at(which.id, index), words);
  }
  void store_all(std::uint32_t index, Slot const& slot) const noexcept {
    for (std::uint32_t const id : *cpus_) store(index, cpu{id}, slot);
  }

  /// Writes slots that reduce to `value`.
  /// @return 0, ERANGE or ENOMEM
  int scatter(std::uint32_t index, mapped_type const& value) const noexcept(values::nothrow_write)
    requires values::writable
  {
    scratch const slots(values::element_bytes(cpus_->size()));
    if (slots.data() == nullptr) return ENOMEM;
    if (!values::encode(value, slots.data(), *cpus_)) return ERANGE;
    std::byte const* next = slots.data();
    for (std::uint32_t const id : *cpus_) {
      store_words(at(id, index), next);
      next += sizeof(cell);
    }
    return 0;
  }

 private:
  static constexpr std::size_t word = 8;
  // As the kernel lays elements out.
  struct alignas(std::max(word, alignof(Slot))) cell {
    Slot value;
  };
  static_assert(sizeof(cell) == slot_stride<Slot>);

  static constexpr std::size_t turns = slots_of_whole_lines(sizeof(Slot));

  [[nodiscard]] cell* at(std::uint32_t id, std::uint32_t index) const noexcept {
    return object_at<cell>(memory_.data()) + (std::size_t{id} * layout_.stride + index);
  }

  // Add the slots of one CPU, or of two, to the results. Whole cache lines first: a number of turns that the compiler
  // knows is what GCC asks for to vectorise at -O2. Not inlined, and no pack or lambda, because GCC forgets the
  // __restrict then.
  [[gnu::noinline]] static void add(mapped_type* __restrict to, std::size_t count, cell const* __restrict a) noexcept {
    std::size_t done = 0;
    for (; count - done >= turns; done += turns) {
      for (std::size_t i = 0; i < turns; ++i) to[done + i] = sum(to[done + i], a[done + i]);
    }
    for (; done < count; ++done) to[done] = sum(to[done], a[done]);
  }
  [[gnu::noinline]] static void add(mapped_type* __restrict to, std::size_t count, cell const* __restrict a,
                                    cell const* __restrict b) noexcept {
    std::size_t done = 0;
    for (; count - done >= turns; done += turns) {
      for (std::size_t i = 0; i < turns; ++i) to[done + i] = sum(sum(to[done + i], a[done + i]), b[done + i]);
    }
    for (; done < count; ++done) to[done] = sum(sum(to[done], a[done]), b[done]);
  }
  static mapped_type sum(mapped_type value, cell const& more) noexcept {
    Reducer{}.accumulate(value, more.value);
    return value;
  }

  static void load_words(std::byte* to, cell const* from) noexcept {
    auto* const words = reinterpret_cast<std::uint64_t*>(const_cast<cell*>(from));  // NOLINT(*-const-cast)
    std::atomic_signal_fence(std::memory_order_seq_cst);
    for (std::size_t i = 0; i < sizeof(cell) / word; ++i) {
      std::uint64_t const read = atomic_ref<std::uint64_t>(words[i]).load(std::memory_order_relaxed);
      std::memcpy(to + i * word, &read, word);
    }
  }
  static void store_words(cell* to, std::byte const* from) noexcept {
    auto* const words = reinterpret_cast<std::uint64_t*>(to);
    for (std::size_t i = 0; i < sizeof(cell) / word; ++i) {
      std::uint64_t written = 0;
      std::memcpy(&written, from + i * word, word);
      atomic_ref<std::uint64_t>(words[i]).store(written, std::memory_order_relaxed);
    }
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }

  mapping memory_;
  stripe_layout layout_;
  cpu_set const* cpus_ = nullptr;
  bool writable_ = false;
};

/// An input range over the indices of a striped array; refers to the map, which must outlive it.
template <class Map, part Shown>
class striped_range : public std::ranges::view_base {
 public:
  striped_range(Map const& map, std::error_code* ec) noexcept : map_(&map), ec_(ec) {}

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type =
        std::conditional_t<Shown == part::entry, typename Map::value_type,
                           std::conditional_t<Shown == part::key, typename Map::key_type, typename Map::mapped_type>>;

    iterator(Map const& map, std::error_code* ec) : map_(&map) {
      int const failed = map.prepare(room_);
      if (failed == 0) end_ = map.slots_.size();
      if (ec != nullptr)
        *ec = make_error(failed);
      else if (failed != 0)
        map.raise(Shown == part::entry ? operation::entries
                  : Shown == part::key ? operation::keys
                                       : operation::values,
                  failed);
    }

    [[nodiscard]] value_type operator*() const {
      if constexpr (Shown == part::entry)
        return value_type(at_, map_->slots_.reduce(at_, room_.data()));
      else if constexpr (Shown == part::key)
        return at_;
      else
        return map_->slots_.reduce(at_, room_.data());
    }
    iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    void operator++(int) noexcept { ++*this; }
    [[nodiscard]] friend bool operator==(iterator const& it, std::default_sentinel_t) noexcept {
      return it.at_ == it.end_;
    }

   private:
    Map const* map_;
    buffer room_;
    std::uint32_t at_ = 0;
    std::uint32_t end_ = 0;
  };

  [[nodiscard]] iterator begin() const { return iterator(*map_, ec_); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  Map const* map_;
  std::error_code* ec_;
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

// Iterators refer to the map, not to the range that made them.
template <class Map, bpfmap::detail::part Shown>
inline constexpr bool std::ranges::enable_borrowed_range<bpfmap::detail::striped_range<Map, Shown>> = true;

#endif
