// SPDX-License-Identifier: MIT
#ifndef BPFMAP_MAPS_ARRAY_HPP
#define BPFMAP_MAPS_ARRAY_HPP

// The arrays: array (by system call, or mapped into memory) and percpu_array.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include <bpfmap/core/atomic_ref.hpp>
#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/reduce.hpp>
#include <bpfmap/engine/aggregate_map.hpp>
#include <bpfmap/engine/percpu_totals.hpp>
#include <bpfmap/engine/strided_view.hpp>
#include <bpfmap/kernel/memory.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// How an array is reached: by system calls only.
struct unmapped {
  static constexpr bool mapped = false;
  static constexpr bool writable = false;
};
/// How an array is reached: also as memory, to read and write. The map has map_flags::mmapable.
struct mmapable {
  static constexpr bool mapped = true;
  static constexpr bool writable = true;
};
/// How an array is reached: also as memory, to read. Works on frozen maps and does not keep one from being frozen.
struct mmapable_read_only {
  static constexpr bool mapped = true;
  static constexpr bool writable = false;
};

namespace detail {

template <class Access>
concept mapped_access = because<Access::mapped,
                                "this array is not mapped into memory: declare it as array<T, mmapable> or "
                                "array<T, mmapable_read_only>">;

template <class Access>
concept writable_access = mapped_access<Access> && because<Access::writable,
                                                           "this array is mapped read-only: declare it as "
                                                           "array<T, mmapable> to write its memory">;

// The kernel lays elements 8-rounded apart.
template <class T>
concept spannable = because<sizeof(T) % 8 == 0,
                            "a std::span would be wrong: the kernel's elements lie 8-byte-rounded apart, so the "
                            "size of T must be a multiple of 8; use cells()">;

template <class T>
concept lock_free = because<atomic_ref<T>::is_always_lock_free && alignof(T) >= atomic_ref<T>::required_alignment,
                            "only a type that the processor reads in one piece can be atomic in the kernel's memory">;

}  // namespace detail

/// BPF_MAP_TYPE_ARRAY, Linux 3.19: max_entries elements at indices from 0, all there from the start, as zeros.
///
/// With `mmapable` (Linux 5.5) the map is mapped once, when it is created or bound, and unmapped when destroyed:
/// span(), cells() and operator[] are the kernel's own memory, without a system call, and both sides see each
/// other's writes at once. Such memory is shared: single loads and stores of up to 8 aligned bytes are not torn,
/// longer ones may be; use atomic() to count together with a program.
/// @code
/// auto table = bpfmap::array<std::uint64_t, bpfmap::mmapable>::bind(skeleton->maps.table);
/// for (std::uint64_t& cell : table.span()) …
/// @endcode
template <map_value T, class Access = unmapped>
class array : public detail::aggregate_map<array<T, Access>, map_type::array, std::uint32_t, detail::plain_values<T>> {
  using base = detail::aggregate_map<array<T, Access>, map_type::array, std::uint32_t, detail::plain_values<T>>;

 public:
  using access_type = Access;

  /// All elements, in the kernel's memory. Valid until this object is destroyed or assigned to; moving it along
  /// keeps them.
  /// @cost none
  [[nodiscard]] std::span<T> span() & noexcept
    requires detail::writable_access<Access> && detail::spannable<T>
  {
    return {detail::object_at<T>(memory_.data()), elements()};
  }
  [[nodiscard]] std::span<T const> span() const& noexcept
    requires detail::mapped_access<Access> && detail::spannable<T>
  {
    return {detail::object_at<T const>(memory_.data()), elements()};
  }

  /// All elements, in the kernel's memory, whatever the size of T: a sized random-access range.
  /// @cost none
  [[nodiscard]] strided_view<T> cells() & noexcept
    requires detail::writable_access<Access>
  {
    return {memory_.data(), elements()};
  }
  [[nodiscard]] strided_view<T const> cells() const& noexcept
    requires detail::mapped_access<Access>
  {
    return {memory_.data(), elements()};
  }

  template <class... A>
  void span(A&&...) const&&
    requires detail::mapped_access<Access> && detail::spannable<T> && (sizeof...(A) == 0)
  {
    detail::refuse_temporary<A...>();
  }
  template <class... A>
  void cells(A&&...) const&&
    requires detail::mapped_access<Access> && (sizeof...(A) == 0)
  {
    detail::refuse_temporary<A...>();
  }

  /// Element `index` in the kernel's memory; `index` must be below max_size().
  /// @cost none
  [[nodiscard]] T& operator[](std::uint32_t index) noexcept
    requires detail::writable_access<Access>
  {
    return cells()[index];
  }
  [[nodiscard]] T const& operator[](std::uint32_t index) const noexcept
    requires detail::mapped_access<Access>
  {
    return cells()[index];
  }

  /// Element `index` for atomic operations, which BPF programs' atomics (`__sync_fetch_and_add`) take part in:
  /// a std::atomic_ref, or its like where the standard library has none.
  /// @cost none
  [[nodiscard]] atomic_ref<T> atomic(std::uint32_t index) noexcept
    requires detail::writable_access<Access> && detail::lock_free<T>
  {
    return atomic_ref<T>(cells()[index]);
  }

  /// Element `index`, read in one piece; for read-only maps too.
  /// @cost none
  [[nodiscard]] T load(std::uint32_t index, std::memory_order order = std::memory_order_relaxed) const noexcept
    requires detail::mapped_access<Access> && detail::lock_free<T>
  {
    // A load does not write, also not to read-only pages: atomic_ref of const objects comes with C++26 only.
    return atomic_ref<T>(const_cast<T&>(cells()[index])).load(order);  // NOLINT(*-const-cast)
  }

 private:
  friend typename base::typed_map;

  static detail::map_expectation expectation() noexcept {
    detail::map_expectation wanted = base::expectation();
    if constexpr (Access::mapped) wanted.flags |= map_flags::mmapable;
    return wanted;
  }

  void open(std::error_code& ec, std::string* why) {
    if constexpr (Access::mapped) {
      auto const bytes = static_cast<std::size_t>(this->max_size()) * detail::slot_stride<T>;
      memory_ = detail::mapping::map(this->fd(), bytes, 0, Access::writable, ec);
      if (ec && why != nullptr) *why = mapping_hint(ec.value());
    }
  }

  static std::string mapping_hint(int number) {
    switch (number) {
      case EPERM:
        return "the map is frozen: bind it as mmapable_read_only";
      case EACCES:
        return "the map is for reading only (map_flags::rdonly_prog), or the descriptor lacks the permission: bind "
               "it as mmapable_read_only, by a descriptor that may read and write";
      case EINVAL:
        return "mapping needs a descriptor that may read and write, also for reading only: take array without it";
      case enotsupp:
        return "a map with a bpf_spin_lock, timer or kptr in its value cannot be mapped";
      default:
        return {};
    }
  }

  // None in an object that was moved from: it has no memory any more.
  [[nodiscard]] std::size_t elements() const noexcept {
    return memory_.data() == nullptr ? 0 : static_cast<std::size_t>(this->max_size());
  }

  detail::mapping memory_;
};

/// BPF_MAP_TYPE_PERCPU_ARRAY, Linux 4.6: an array with a value for each CPU, always seen reduced to one.
///
/// `Slot` is what a BPF program sees as the value; see percpu_hash.
/// @code
/// auto drops = bpfmap::percpu_array<drop_counters>::bind(skeleton->maps.drops);
/// drop_counters all = drops.at(0);  // every member summed over all CPUs
/// std::vector<drop_counters> by_reason = drops.reduce_all();
/// @endcode
template <per_cpu_slot Slot, class Reducer = reduce::sum>
  requires reducer<Reducer, Slot>
class percpu_array : public detail::percpu_totals<percpu_array<Slot, Reducer>, map_type::percpu_array, Slot, Reducer> {
  friend typename percpu_array::typed_map;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
