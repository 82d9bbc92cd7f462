// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_BULK_MAP_HPP
#define BPFMAP_ENGINE_BULK_MAP_HPP

// What maps of bytes add to keyed maps: calls on many elements, without a system call each.

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#include <bpfmap/core/bulk.hpp>
#include <bpfmap/core/concepts.hpp>
#include <bpfmap/engine/bulk.hpp>
#include <bpfmap/engine/keyed_map.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// A class that has something to give for a key that is not there.
template <map_type Type, class Values>
concept bulk_readable = readable_values<Type, Values> &&
                        because<std::default_initializable<typename Values::mapped_type>,
                                "there is no neutral value to give for keys that are absent: look each up">;

/// Maps whose values are bytes: one for all CPUs, or one a CPU.
template <class Derived, map_type Type, class Key, class Values>
class bulk_map : public keyed_map<Derived, Type, Key, Values> {
  using base = keyed_map<Derived, Type, Key, Values>;

 public:
  using key_type = Key;
  using mapped_type = typename base::mapped_type;
  using value_type = typename base::value_type;
  using size_type = typename base::size_type;

  using base::assign;
  using base::erase;
  using base::find;
  using base::insert;
  using base::insert_or_assign;

  /// Looks all `keys` up: out[i] is the value of keys[i], or zero bytes if it has none.
  ///
  /// The kernel has no command for that. A program that bpfmap writes and loads when it is worth it (Linux 5.14,
  /// CAP_BPF) does it in the kernel, at 30 to 50 ns a key of a map in the caches; where it cannot be loaded, for LRU
  /// maps (it would count as use) and for per-CPU ones it is one system call a key. bulk_by() tells which it was.
  /// @param out    at least as long as `keys`
  /// @param found  a bit for each key: whether it was there
  /// @return how many were there; how many were looked up
  /// @errors as find(key); EINVAL `out` is shorter than `keys`; ENOMEM
  /// @cost in the kernel one system call for up to 4096 keys, and one for the first. No allocation, but when a program
  /// is
  ///       first worth it: two descriptors more and at most 0.5 MiB of the kernel's memory, for the life of this object
  /// @concurrency the keys are looked up one after another, not all at one moment. Threads that share this object take
  ///              turns, a list of 4096 keys each
  /// @code
  /// std::vector<flow_stats> stats(keys.size());
  /// bpfmap::key_bits found;
  /// if (flows.find(keys, stats, found).matched != keys.size()) …
  /// @endcode
  bulk_result find(std::span<key_type const> keys, std::span<mapped_type> out, key_bits& found,
                   std::error_code& ec) const noexcept(Values::nothrow)
    requires bulk_readable<Type, Values>
  {
    return find_all(keys, out, &found, ec);
  }
  bulk_result find(std::span<key_type const> keys, std::span<mapped_type> out, std::error_code& ec) const
      noexcept(Values::nothrow)
    requires bulk_readable<Type, Values>
  {
    return find_all(keys, out, nullptr, ec);
  }
  bulk_result find(std::span<key_type const> keys, std::span<mapped_type> out, key_bits& found) const
    requires bulk_readable<Type, Values> && throwing<>
  {
    return or_fail(operation::find, keys.size(), out.size(),
                   [&](std::error_code& ec) { return find_all(keys, out, &found, ec); });
  }
  bulk_result find(std::span<key_type const> keys, std::span<mapped_type> out) const
    requires bulk_readable<Type, Values> && throwing<>
  {
    return or_fail(operation::find, keys.size(), out.size(),
                   [&](std::error_code& ec) { return find_all(keys, out, nullptr, ec); });
  }

  /// Sets values[i] for keys[i], in this order, as insert_or_assign(key, value) does; of equal keys the last counts.
  /// In the kernel by a program of bpfmap's own, else BPF_MAP_UPDATE_BATCH, else one system call a key.
  /// @param values  at least as long as `keys`
  /// @return how many were set; at an error also the place of the key that met it: those before it are set
  /// @errors as insert_or_assign(key, value); EINVAL `values` is shorter than `keys`
  /// @cost, @concurrency as find(keys, out)
  /// @code
  /// std::error_code ec;
  /// if (auto const done = flows.insert_or_assign(keys, stats, ec); ec) retry_from(done.handled);
  /// @endcode
  bulk_result insert_or_assign(std::span<key_type const> keys, std::span<mapped_type const> values,
                               std::error_code& ec) const noexcept(Values::nothrow_write)
    requires assignable<Type> && writable_values<Values>
  {
    return write_all(bulk_operation::insert_or_assign, keys, values, nullptr, ec);
  }
  bulk_result insert_or_assign(std::span<key_type const> keys, std::span<mapped_type const> values) const
    requires assignable<Type> && writable_values<Values> && throwing<>
  {
    return or_fail(operation::insert_or_assign, keys.size(), values.size(),
                   [&](std::error_code& ec) { return insert_or_assign(keys, values, ec); });
  }

  /// Adds those of `keys` that are not there, as insert(key, value) does. In the kernel, else one system call a key.
  /// @param inserted  a bit for each key: whether it was added
  /// @return, @errors, @cost, @concurrency as insert_or_assign(keys, values)
  bulk_result insert(std::span<key_type const> keys, std::span<mapped_type const> values, key_bits& inserted,
                     std::error_code& ec) const noexcept(Values::nothrow_write)
    requires insertable<Type> && writable_values<Values>
  {
    return write_all(bulk_operation::insert, keys, values, &inserted, ec);
  }
  bulk_result insert(std::span<key_type const> keys, std::span<mapped_type const> values, std::error_code& ec) const
      noexcept(Values::nothrow_write)
    requires insertable<Type> && writable_values<Values>
  {
    return write_all(bulk_operation::insert, keys, values, nullptr, ec);
  }
  bulk_result insert(std::span<key_type const> keys, std::span<mapped_type const> values, key_bits& inserted) const
    requires insertable<Type> && writable_values<Values> && throwing<>
  {
    return or_fail(operation::insert, keys.size(), values.size(),
                   [&](std::error_code& ec) { return insert(keys, values, inserted, ec); });
  }
  bulk_result insert(std::span<key_type const> keys, std::span<mapped_type const> values) const
    requires insertable<Type> && writable_values<Values> && throwing<>
  {
    return or_fail(operation::insert, keys.size(), values.size(),
                   [&](std::error_code& ec) { return insert(keys, values, ec); });
  }

  /// Replaces the values of those of `keys` that are there, as assign(key, value) does. In the kernel, else one system
  /// call a key.
  /// @param assigned  a bit for each key: whether its value was replaced
  /// @return, @errors, @cost, @concurrency as insert_or_assign(keys, values)
  bulk_result assign(std::span<key_type const> keys, std::span<mapped_type const> values, key_bits& assigned,
                     std::error_code& ec) const noexcept(Values::nothrow_write)
    requires replaceable<Type> && writable_values<Values>
  {
    return write_all(bulk_operation::assign, keys, values, &assigned, ec);
  }
  bulk_result assign(std::span<key_type const> keys, std::span<mapped_type const> values, std::error_code& ec) const
      noexcept(Values::nothrow_write)
    requires replaceable<Type> && writable_values<Values>
  {
    return write_all(bulk_operation::assign, keys, values, nullptr, ec);
  }
  bulk_result assign(std::span<key_type const> keys, std::span<mapped_type const> values, key_bits& assigned) const
    requires replaceable<Type> && writable_values<Values> && throwing<>
  {
    return or_fail(operation::assign, keys.size(), values.size(),
                   [&](std::error_code& ec) { return assign(keys, values, assigned, ec); });
  }
  bulk_result assign(std::span<key_type const> keys, std::span<mapped_type const> values) const
    requires replaceable<Type> && writable_values<Values> && throwing<>
  {
    return or_fail(operation::assign, keys.size(), values.size(),
                   [&](std::error_code& ec) { return assign(keys, values, ec); });
  }

  /// Removes those of `keys` that are there. In the kernel, else BPF_MAP_DELETE_BATCH, else one system call a key.
  /// @param erased  a bit for each key: whether it was there
  /// @return how many were removed; at an error also the place of the key that met it
  /// @errors as erase(key)
  /// @cost, @concurrency as find(keys, out)
  bulk_result erase(std::span<key_type const> keys, key_bits& erased, std::error_code& ec) const noexcept
    requires erasable<Type>
  {
    return erase_all(keys, &erased, ec);
  }
  bulk_result erase(std::span<key_type const> keys, std::error_code& ec) const noexcept
    requires erasable<Type>
  {
    return erase_all(keys, nullptr, ec);
  }
  bulk_result erase(std::span<key_type const> keys, key_bits& erased) const
    requires erasable<Type> && throwing<>
  {
    return or_fail(operation::erase, keys.size(), keys.size(),
                   [&](std::error_code& ec) { return erase_all(keys, &erased, ec); });
  }
  bulk_result erase(std::span<key_type const> keys) const
    requires erasable<Type> && throwing<>
  {
    return or_fail(operation::erase, keys.size(), keys.size(),
                   [&](std::error_code& ec) { return erase_all(keys, nullptr, ec); });
  }

  /// Takes all elements out and puts them behind those that `out` has. BPF_MAP_LOOKUP_AND_DELETE_BATCH (Linux 5.6); by
  /// keys, where something refuses batches.
  ///
  /// Each element is given exactly once or stays in the map, whatever others do meanwhile: what a program adds behind
  /// the walk's back stays, and no update (bpf_map_update_elem, insert_or_assign()) is lost between reading and
  /// deleting, because both happen under the lock. What a program writes in place takes no lock: if it looked the
  /// element up before, what it adds after the copy is lost with the element.
  /// Room in `out` is made before anything is taken. If making a value throws (a reducer of one's own, or one that
  /// allocates), what was taken and is not in `out` goes back into the map, all slots as they were; only an element
  /// whose key was added anew in between, or in whose place others filled the map up, cannot.
  /// @return how many were taken
  /// @errors EPERM frozen, or the descriptor is not for reading and writing; ENOMEM; by keys 524: before Linux 5.14.
  ///         What was taken before is in `out`
  /// @cost one system call for up to 4096 elements; in proportion to what there is (and 1 ns an empty bucket)
  /// @throws std::bad_alloc if `out` cannot grow (both functions); the rest is in the map
  /// @code
  /// std::vector<std::pair<flow_key, flow_stats>> ended;
  /// flows.extract_all(ended);
  /// @endcode
  size_type extract_all(std::vector<value_type>& out, std::error_code& ec) const
    requires extractable<Type>
  {
    walk_shape taking = this->shape(false);
    taking.extract = true;
    return drain(taking, ec, [&](block_walker const& walk, std::uint32_t block) {
      taken_elements taken(taking, block == 0 ? nullptr : walk.key(0), block == 0 ? nullptr : walk.value(0), block);
      for (std::uint32_t i = 0; i < block; ++i) {
        out.emplace_back(this->key_at(walk, i), this->value_at(walk, i));
        taken.gave();
      }
      // For the next block, while that is still in the map.
      if (out.capacity() - out.size() < walk.capacity()) {
        out.reserve(std::max(out.capacity() * 2, out.size() + walk.capacity()));
      }
    });
  }
  size_type extract_all(std::vector<value_type>& out) const
    requires extractable<Type> && throwing<>
  {
    std::error_code ec;
    size_type const taken = extract_all(out, ec);
    if (ec) this->fail(operation::extract_all, -ec.value());
    return taken;
  }

  /// Removes all elements. BPF_MAP_LOOKUP_AND_DELETE_BATCH, where the type has it; else key by key.
  ///
  /// What is there throughout the call is removed; what is added meanwhile may stay.
  /// @return how many were removed
  /// @errors EPERM frozen or read-only; ENOMEM
  /// @cost one system call for up to 4096 elements; key by key, two an element. In proportion to what there is, which
  ///       taking the first key again and again is not
  size_type clear(std::error_code& ec) const noexcept
    requires erasable<Type> && iterable<Type>
  {
    walk_shape taking = this->shape(true);
    taking.extract = true;
    return drain(taking, ec, [](block_walker const&, std::uint32_t) {});
  }
  size_type clear() const
    requires erasable<Type> && iterable<Type> && throwing<>
  {
    std::error_code ec;
    size_type const removed = clear(ec);
    if (ec) this->fail(operation::clear, -ec.value());
    return removed;
  }

  /// Which way the last call on many keys went; bulk_path::automatic before the first.
  [[nodiscard]] bulk_path bulk_by() const noexcept { return engine_.used(); }
  /// Makes calls on many keys go one way, or choose again (bulk_path::automatic, as from the start). Where that way
  /// does not exist they fail, with EOPNOTSUPP or with what kept the program from being loaded; they take no other.
  void set_bulk_path(bulk_path path) noexcept { engine_.force(path); }

 protected:
  // For calls on many elements that only some maps have.
  [[nodiscard]] bulk_path forced_path() const noexcept { return engine_.forced(); }
  void took(bulk_path path) const noexcept { engine_.took(path); }
  // What `ec` means for a call on many elements: of a way that was forced, that there is none.
  [[nodiscard]] std::string bulk_hint(operation what, std::error_code ec) const {
    bulk_path const forced = forced_path();
    if (forced == bulk_path::automatic || ec != std::errc::operation_not_supported) {
      return this->element_hint(what, ec.value());
    }
    return join("set_bulk_path() asked for ", to_string(forced),
                ", which this map, this call, or the running kernel does not have");
  }
  [[noreturn, gnu::cold, gnu::noinline]] void raise_walk(operation what, std::error_code ec) const {
    this->fail(what, ec, bulk_hint(what, ec));
  }

 private:
  [[nodiscard]] bulk_job job(bulk_operation operation, std::span<key_type const> keys, std::size_t value_size,
                             void const* values, key_bits* which) const noexcept {
    return {.operation = operation,
            .fd = this->fd(),
            .type = Type,
            .key_size = sizeof(key_type),
            .value_size = value_size,
            .keys = reinterpret_cast<std::byte const*>(keys.data()),
            // Only find() writes them, and it gives memory that may be written.
            .values = static_cast<std::byte*>(const_cast<void*>(values)),  // NOLINT(*-const-cast)
            .count = keys.size(),
            .which = which,
            .first_value = 0,
            .progress = {}};
  }

  bulk_result erase_all(std::span<key_type const> keys, key_bits* which, std::error_code& ec) const noexcept {
    if (!make_room(keys.size(), which, ec)) return {};
    bulk_job erasing = job(bulk_operation::erase, keys, sizeof(typename Values::slot_type), nullptr, which);
    engine_.run(erasing, ec);
    return erasing.progress;
  }

  bulk_result find_all(std::span<key_type const> keys, std::span<mapped_type> out, key_bits* which,
                       std::error_code& ec) const noexcept(Values::nothrow) {
    if (!same_length(keys.size(), out.size(), ec) || !make_room(keys.size(), which, ec)) return {};
    if constexpr (!Values::per_cpu) {
      bulk_job finding = job(bulk_operation::find, keys, sizeof(mapped_type), out.data(), which);
      engine_.run(finding, ec);
      return finding.progress;
    } else {
      return engine_.run_each(
          keys.size(), which,
          [&](std::uint64_t i) {
            auto found = this->find(keys[i], ec);
            bool const there = found.has_value();
            out[i] = there ? *std::move(found) : mapped_type{};
            return there;
          },
          ec);
    }
  }

  bulk_result write_all(bulk_operation operation, std::span<key_type const> keys, std::span<mapped_type const> values,
                        key_bits* which, std::error_code& ec) const noexcept(Values::nothrow_write) {
    if (!same_length(keys.size(), values.size(), ec) || !make_room(keys.size(), which, ec)) return {};
    if constexpr (!Values::per_cpu) {
      bulk_job writing = job(operation, keys, sizeof(mapped_type), values.data(), which);
      engine_.run(writing, ec);
      return writing.progress;
    } else {
      return write_slots(operation, keys, values, which, ec);
    }
  }

  // Per-CPU values are laid out for the kernel, block by block.
  bulk_result write_slots(bulk_operation operation, std::span<key_type const> keys, std::span<mapped_type const> values,
                          key_bits* which, std::error_code& ec) const noexcept(Values::nothrow_write) {
    if (this->cpus() == nullptr) {
      ec = make_error(EBADF);
      return {};
    }
    ec.clear();
    std::size_t const bytes = Values::element_bytes(this->cpus()->size());
    std::size_t const block = std::clamp<std::size_t>(block_bytes / bytes, 1, std::max<std::size_t>(keys.size(), 1));
    scratch const slots(block * bytes);
    if (slots.data() == nullptr) {
      ec = make_error(ENOMEM);
      return {};
    }
    bulk_job writing = job(operation, keys, bytes, slots.data(), which);
    while (!ec && writing.progress.handled < keys.size()) {
      std::size_t const first = writing.progress.handled;
      std::size_t encoded = 0;
      bool possible = true;
      while (possible && encoded < block && first + encoded < keys.size()) {
        possible = Values::encode(values[first + encoded], slots.data() + encoded * bytes, *this->cpus());
        encoded += possible ? 1 : 0;
      }
      writing.first_value = first;
      writing.count = first + encoded;
      engine_.run(writing, ec);
      if (!ec && !possible) ec = make_error(ERANGE);
    }
    return writing.progress;
  }

  // Walks through the map, taking out what it meets; `keep` sees each block, and once a block of none before the first
  // and whenever blocks grow: then it makes room.
  template <class Keep>
  size_type drain(walk_shape const& taking, std::error_code& ec, Keep const& keep) const {
    size_type taken = 0;
    if (this->fd() < 0) {
      ec = make_error(EBADF);
      return 0;
    }
    block_walker walk(taking);
    keep(walk, 0);
    for (;;) {
      std::uint32_t const block = walk.next(ec);
      keep(walk, block);
      taken += block;
      if (block == 0 && ec.value() != ENOSPC) return taken;
    }
  }

  static bool same_length(std::size_t keys, std::size_t values, std::error_code& ec) noexcept {
    if (values >= keys) return true;
    ec = make_error(EINVAL);
    return false;
  }
  static bool make_room(std::size_t keys, key_bits* which, std::error_code& ec) noexcept {
    if (which == nullptr || which->reset(keys)) return true;
    ec = make_error(ENOMEM);
    return false;
  }

  template <class Do>
  bulk_result or_fail(operation what, std::size_t keys, std::size_t values, Do const& act) const {
    std::error_code ec;
    bulk_result const progress = act(ec);
    if (ec) raise_stopped(what, ec, progress, values < keys ? join(keys, " keys, but ", values, " values") : "");
    return progress;
  }
  [[noreturn, gnu::cold, gnu::noinline]] void raise_stopped(operation what, std::error_code ec, bulk_result progress,
                                                            std::string hint) const {
    if (hint.empty()) hint = bulk_hint(what, ec);
    raise_bulk(ec, what, this->description(), std::string(this->name()),
               join(hint, hint.empty() ? "" : "; ", "key ", progress.handled, " of the call, those before it are done"),
               progress);
  }

  static constexpr std::size_t block_bytes = std::size_t{1} << 18;

  [[no_unique_address]] bulk_engine engine_;  // its padding holds what a class adds
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
