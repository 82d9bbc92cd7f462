// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_AGGREGATE_MAP_HPP
#define BPFMAP_ENGINE_AGGREGATE_MAP_HPP

// What maps of bytes do with all of their elements at once: walks inside the kernel.

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <type_traits>
#include <utility>

#include <bpfmap/core/bulk.hpp>
#include <bpfmap/core/concepts.hpp>
#include <bpfmap/engine/bulk_map.hpp>
#include <bpfmap/engine/kernel_walk.hpp>
#include <bpfmap/engine/walk_range.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// A class whose elements a program can copy.
template <map_type Type, class Values>
concept kernel_walkable =
    iterable<Type> && readable_values<Type, Values> &&
    because<!Values::per_cpu,
            "a program that walks a per-CPU map sees only the slots of the CPU that it runs on: leave walk out"> &&
    because<static_cast<bool>(traits_of(Type).for_each),
            "the kernel has no bpf_for_each_map_elem for this map type: leave walk out">;

/// Maps whose elements can be walked over, and summed up, by programs inside the kernel.
template <class Derived, map_type Type, class Key, class Values>
class aggregate_map : public bulk_map<Derived, Type, Key, Values> {
  using base = bulk_map<Derived, Type, Key, Values>;

 public:
  using key_type = Key;
  using mapped_type = typename base::mapped_type;
  using size_type = typename base::size_type;

  using base::entries;
  using base::for_each;
  using base::keys;
  using base::values;

  /// All elements, keys or values, as those without `how`; with walk::in_kernel copied by a program of bpfmap's own
  /// (bpf_for_each_map_elem; Linux 5.14, CAP_BPF), 3 to 40 times as fast as by batch, where that is worth it: where
  /// more than a tenth of the buckets hold elements, there are some thousands of them, a million buckets at the most,
  /// and not more than 256 MiB to copy. Else by batch; walked_by() tells which it was.
  ///
  /// The program takes no locks (kernel/bpf/hashtab.c, bpf_for_each_hash_elem). So of a hash that others write
  /// meanwhile it gives less than a batch:
  /// - A key whose value is replaced is seen with either value, or with both, or not at all: the kernel puts the new
  ///   element at the head of the bucket, and then takes the old one out.
  /// - An element that is deleted is used again at once, for any key, also of another bucket (only maps with
  ///   map_flags::no_prealloc wait for readers, before Linux 6.1). A walk that stands on it goes on in that bucket:
  ///   elements of its own bucket that nobody touches may then be missed, and others be seen twice. And if it is used
  ///   again while it is copied, the bytes of its key may be part old, part new, and the value may be another key's.
  /// - Values of more than 8 bytes may be half written.
  /// An element is surely seen once, as it is, if nothing is added, replaced or deleted meanwhile (writing to a value
  /// in place, as programs do, does not matter). Of an array there is nothing that a batch would give more.
  /// @errors as entries(); with set_bulk_path(bulk_path::in_kernel), why the kernel does not walk
  /// @cost in the kernel 0.3 ms, then 25 to 65 ns an element and 16 ns a bucket, during which this CPU does nothing
  /// else;
  ///       kernel memory for the copies (each of key and value on a multiple of 8 bytes) as long as the walk lives
  /// @code
  /// for (auto const& [key, stats] : flows.entries(bpfmap::walk::in_kernel)) …
  /// @endcode
  [[nodiscard]] auto entries(walk how, std::error_code& ec) const noexcept
    requires kernel_walkable<Type, Values>
  {
    return range<part::entry>(how, &ec);
  }
  [[nodiscard]] auto entries(walk how) const
    requires kernel_walkable<Type, Values> && throwing<>
  {
    return range<part::entry>(how, nullptr);
  }
  [[nodiscard]] auto keys(walk how, std::error_code& ec) const noexcept
    requires kernel_walkable<Type, Values>
  {
    return range<part::key>(how, &ec);
  }
  [[nodiscard]] auto keys(walk how) const
    requires kernel_walkable<Type, Values> && throwing<>
  {
    return range<part::key>(how, nullptr);
  }
  [[nodiscard]] auto values(walk how, std::error_code& ec) const noexcept
    requires kernel_walkable<Type, Values>
  {
    return range<part::value>(how, &ec);
  }
  [[nodiscard]] auto values(walk how) const
    requires kernel_walkable<Type, Values> && throwing<>
  {
    return range<part::value>(how, nullptr);
  }

  /// Calls `f(key, value)` for all elements, as for_each(f); the walk of entries(how).
  template <visitor<key_type, mapped_type> F>
    requires kernel_walkable<Type, Values>
  size_type for_each(F&& f, walk how, std::error_code& ec) const
      noexcept(std::is_nothrow_invocable_v<F, key_type const&, mapped_type const&>) {
    auto elements = walker<map_walker>(part::entry, how);
    size_type const seen = this->visit(elements, f, ec);
    noted(elements);
    return seen;
  }
  template <visitor<key_type, mapped_type> F>
    requires kernel_walkable<Type, Values> && throwing<>
  size_type for_each(F&& f, walk how) const {
    std::error_code ec;
    size_type const seen = for_each(std::forward<F>(f), how, ec);
    if (ec) this->raise_walk("for_each", ec);
    return seen;
  }

  /// How the last call that was given a `walk` went: in_kernel, batch, or single (by keys); automatic before the first.
  [[nodiscard]] bulk_path walked_by() const noexcept { return walked_by_.get(); }

 private:
  template <class, part, class>
  friend class walk_range;

  template <class Walker>
  [[nodiscard]] Walker walker(part shown, walk how) const noexcept {
    return Walker(this->shape(shown == part::key), how, this->forced_path());
  }
  void noted(map_walker const& elements) const noexcept { walked_by_.set(elements.path()); }

  template <part Shown>
  [[nodiscard]] auto range(walk how, std::error_code* ec) const noexcept {
    return walk_range<aggregate_map, Shown, map_walker>(*this, ec, how);
  }

  last_path walked_by_;
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
