// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_PERCPU_TOTALS_HPP
#define BPFMAP_ENGINE_PERCPU_TOTALS_HPP

// What per-CPU arrays add to per-CPU maps: all reduced values at once.

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <bpfmap/core/bulk.hpp>
#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/reduction_table.hpp>
#include <bpfmap/engine/percpu_map.hpp>
#include <bpfmap/engine/percpu_reduction.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// Reduced values that a vector can hold before they are known.
template <class Mapped>
concept vector_of_totals = because<std::default_initializable<Mapped> && !std::is_same_v<Mapped, bool>,
                                   "no std::vector of such values can be filled: give totals() a span of them">;

/// Per-CPU maps whose keys are indices from 0.
template <class Derived, map_type Type, per_cpu_slot Slot, class Reducer>
  requires reducer<Reducer, Slot>
class percpu_totals : public percpu_map<Derived, Type, std::uint32_t, Slot, Reducer> {
  using base = percpu_map<Derived, Type, std::uint32_t, Slot, Reducer>;
  using slots_of = reduced_values<Slot, Reducer>;
  template <class, map_type, class, class>
  friend class keyed_map;

 public:
  using mapped_type = typename base::mapped_type;
  using size_type = typename base::size_type;

  /// The reduced values of the elements from index 0 on: out[i] is what at(i) gives.
  ///
  /// Sums, minima, maxima and bits of integers, and of arrays and structs of at most 64 of them, are reduced inside the
  /// kernel by a program that bpfmap writes and loads when it is worth it (Linux 5.19, CAP_BPF; fastest from 6.9 on),
  /// at 10 ns a slot; nothing but results is copied. Where it cannot be loaded, and for all other reducers, every slot
  /// is copied: BPF_MAP_LOOKUP_BATCH (Linux 5.13), else one system call an element. bulk_by() tells which it was, and
  /// set_bulk_path() may choose. Walks over the map (entries(), values(), for_each()) go the same way.
  /// @param out  may be shorter than the map, and is then filled; what is behind the last element is left alone
  /// @return how many were written
  /// @errors as find(key); ENOMEM; of a way that was forced, EOPNOTSUPP or why it cannot be taken
  /// @cost in the kernel one system call for up to 32 KiB of results, and one for the first, no allocation; but when a
  ///       program is first worth it, 0.3 ms, two descriptors more and that memory, for the life of this object. By
  ///       batch one system call for up to 4096 elements, and a buffer that the thread keeps
  /// @concurrency not a snapshot: elements, and the slots of each, are read one after another. Threads that share this
  ///              object take turns, a block each
  /// @code
  /// std::vector<std::uint64_t> drops_by_port(65536);
  /// drops.totals(drops_by_port);
  /// @endcode
  size_type totals(std::span<mapped_type> out, std::error_code& ec) const noexcept(slots_of::nothrow) {
    ec.clear();
    bulk_path const forced = this->forced_path();
    auto const count = static_cast<std::uint32_t>(std::min<size_type>(out.size(), this->info().max_entries));
    if (this->fd() < 0) {
      ec = make_error(EBADF);
    } else if (forced == bulk_path::in_kernel && !reducible_in_kernel<Slot, Reducer>) {
      ec = make_error(EOPNOTSUPP);
    }
    if (ec || count == 0) return 0;
    std::optional<size_type> done;
    if (forced == bulk_path::in_kernel || (forced == bulk_path::automatic && reduction_.is_worth_it(count))) {
      done = reduce_in_kernel(out.first(count), forced == bulk_path::in_kernel, ec);
    }
    if (!done && (forced == bulk_path::batch || (forced == bulk_path::automatic && count > 1))) {
      done = reduce_batches(out.first(count), forced == bulk_path::batch, ec);
    }
    return done ? *done : reduce_each(out.first(count), ec);
  }
  size_type totals(std::span<mapped_type> out) const
    requires throwing<>
  {
    std::error_code ec;
    size_type const done = totals(out, ec);
    if (ec) raise_totals(operation::totals, ec, done);
    return done;
  }

  /// The reduced values of all elements, by index: totals().
  /// @errors, @concurrency as totals(); the elements before the one that met an error are given
  /// @cost as totals(), and the vector
  /// @throws std::bad_alloc no memory for the vector (both functions)
  /// @code
  /// for (std::uint64_t drops : map.reduce_all()) …
  /// @endcode
  [[nodiscard]] std::vector<mapped_type> reduce_all(std::error_code& ec) const
    requires vector_of_totals<mapped_type>
  {
    std::vector<mapped_type> all(this->fd() < 0 ? 0 : this->info().max_entries);
    all.resize(static_cast<std::size_t>(totals(all, ec)));
    return all;
  }
  [[nodiscard]] std::vector<mapped_type> reduce_all() const
    requires vector_of_totals<mapped_type> && throwing<>
  {
    std::error_code ec;
    auto all = reduce_all(ec);
    if (ec) raise_totals(operation::reduce_all, ec, all.size());
    return all;
  }

 private:
  // Each gives how many it has written, or nothing if this way does not exist; unless it is forced, which is an error.

  std::optional<size_type> reduce_in_kernel(std::span<mapped_type> out, bool forced, std::error_code& ec) const
      noexcept(slots_of::nothrow) {
    if constexpr (reducible_in_kernel<Slot, Reducer>) {
      std::error_code why;
      // The first by system call: only that asks whether this descriptor may read.
      if (reduce_each(out.first(1), ec) == 0) return 0;
      auto const rest = out.subspan(1);
      std::uint32_t const done = reduction_.reduce(reduction(), 1, static_cast<std::uint32_t>(rest.size()),
                                                   reinterpret_cast<std::byte*>(rest.data()), why);
      if (why && !forced) return {};
      ec = why;
      this->took(bulk_path::in_kernel);
      return 1 + size_type{done};
    } else {
      return {};
    }
  }

  [[nodiscard]] reduction_shape reduction() const noexcept {
    return {.fd = this->fd(),
            .max_entries = this->info().max_entries,
            .cpus = this->cpus(),
            .table = reduction_table_of<Slot, Reducer>()};
  }

  // For walks: blocks that are reduced in the kernel, where that is the way to take.
  [[nodiscard]] reduced_source reduced_values_of_walks() const noexcept {
    if constexpr (reducible_in_kernel<Slot, Reducer>) {
      bool const allowed = this->forced_path() == bulk_path::automatic || this->forced_path() == bulk_path::in_kernel;
      if (allowed && this->fd() >= 0) return {.reduce = &reduce_block, .self = this, .bytes = sizeof(mapped_type)};
    }
    return {};
  }
  static std::uint32_t reduce_block(void const* self, std::uint32_t first, std::uint32_t count, std::byte* out,
                                    std::error_code& ec) noexcept {
    auto const& map = *static_cast<percpu_totals const*>(self);
    std::uint32_t const all = map.info().max_entries;
    bool const forced = map.forced_path() == bulk_path::in_kernel;
    if (first == 0 && !forced && !map.reduction_.is_worth_it(all)) {
      map.reduction_.note_copied(all);
      return 0;
    }
    // The first by system call: only that asks whether this descriptor may read.
    if (int const result = first == 0 ? sys::map_lookup(map.fd(), &first, out) : 0; result != 0) {
      ec = make_error(result);
      return 0;
    }
    std::error_code why;
    std::uint32_t const done = map.reduction_.reduce(map.reduction(), first, count, out, why);
    if (why && forced) ec = why;
    return why ? 0 : done;
  }

  std::optional<size_type> reduce_batches(std::span<mapped_type> out, bool forced, std::error_code& ec) const
      noexcept(slots_of::nothrow) {
    walk_shape shape = this->shape(false);
    shape.reduced = {};
    shape.max_entries = static_cast<std::uint32_t>(out.size());  // no more is copied than is asked for
    block_walker walk(shape);
    size_type done = 0;
    while (done < out.size()) {
      std::uint32_t const block = walk.next(ec);
      if (walk.method() != counting::batch_walk) {
        ec = forced ? make_error(EOPNOTSUPP) : std::error_code{};
        return forced ? std::optional<size_type>(0) : std::nullopt;
      }
      if (block == 0) break;
      for (std::uint32_t i = 0; i < block && done < out.size(); ++i) out[done++] = this->value_at(walk, i);
    }
    reduction_.note_copied(done);
    this->took(bulk_path::batch);
    return done;
  }

  size_type reduce_each(std::span<mapped_type> out, std::error_code& ec) const noexcept(slots_of::nothrow) {
    size_type done = 0;
    while (done < out.size()) {
      auto found = this->find(static_cast<std::uint32_t>(done), ec);
      if (!found) break;
      out[done++] = *std::move(found);
    }
    this->took(bulk_path::single);
    return done;
  }

  [[noreturn, gnu::cold, gnu::noinline]] void raise_totals(operation what, std::error_code ec, size_type done) const {
    raise_bulk(ec, what, this->description(), std::string(this->name()), this->bulk_hint(what, ec), {done, done});
  }

  percpu_reduction reduction_;
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
