// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_PERCPU_MAP_HPP
#define BPFMAP_ENGINE_PERCPU_MAP_HPP

// What the per-CPU types add to maps with keys: besides the reduced value, the slot of one CPU.

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <system_error>

#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/reduce.hpp>
#include <bpfmap/engine/aggregate_map.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// As the last argument: every possible CPU's slot gets the same bytes.
struct all_cpus_t {
  explicit all_cpus_t() = default;
};
inline constexpr all_cpus_t all_cpus{};

namespace detail {

/// True once the kernel has refused BPF_F_CPU, which is of Linux 7.0: never asked again.
inline std::atomic<bool> cpu_flags_refused{false};

/// Maps with a slot a CPU.
template <class Derived, map_type Type, class Key, per_cpu_slot Slot, class Reducer>
  requires reducer<Reducer, Slot>
class percpu_map : public aggregate_map<Derived, Type, Key, reduced_values<Slot, Reducer>> {
  using base = aggregate_map<Derived, Type, Key, reduced_values<Slot, Reducer>>;

 public:
  using key_type = Key;
  /// What a BPF program sees as the value.
  using slot_type = Slot;
  using reducer_type = Reducer;

  using base::at;
  using base::find;
  using base::insert_or_assign;

  /// The slot of one CPU, not reduced; nothing if there is no `key`. BPF_MAP_LOOKUP_ELEM with BPF_F_CPU, Linux 7.0;
  /// before, all slots are read and one is given.
  /// @param which  a possible CPU; it may be offline
  /// @errors ENODEV this machine has no such CPU; EPERM the descriptor is write-only; EBADF
  /// @cost one system call (the first in a process that meets an older kernel: two), no allocation
  /// @concurrency a slot of more than 8 bytes may be seen half written
  /// @code
  /// if (std::optional<std::uint64_t> there = hits.find(key, bpfmap::cpu{3})) …
  /// @endcode
  [[nodiscard]] std::optional<Slot> find(key_type const& key, cpu which, std::error_code& ec) const noexcept {
    Slot slot;
    bool const found = this->judge(read_slot(key, which, slot), this->traits.errnos.absent, ec);
    return found ? std::optional<Slot>(slot) : std::nullopt;
  }
  [[nodiscard]] std::optional<Slot> find(key_type const& key, cpu which) const
    requires throwing<>
  {
    Slot slot;
    bool const found = this->judge(read_slot(key, which, slot), this->traits.errnos.absent, operation::find);
    return found ? std::optional<Slot>(slot) : std::nullopt;
  }
  /// @throws std::out_of_range if there is no `key`; with an error code, ENOENT and a value-initialised slot
  [[nodiscard]] Slot at(key_type const& key, cpu which, std::error_code& ec) const noexcept {
    auto const found = find(key, which, ec);
    if (!found && !ec) ec = make_error(ENOENT);
    return found.value_or(Slot{});
  }
  [[nodiscard]] Slot at(key_type const& key, cpu which) const
    requires throwing<>
  {
    Slot slot;
    if (!this->judge(read_slot(key, which, slot), this->traits.errnos.absent, operation::at)) this->raise_absent();
    return slot;
  }

  /// Sets the slot of one CPU and leaves the others alone; a new key has zeros there. BPF_MAP_UPDATE_ELEM with
  /// BPF_F_CPU, Linux 7.0. Refused before: reading all slots and writing them back would undo what programs on the
  /// other CPUs count meanwhile. Where none runs, do that with reduce::slots.
  /// @errors 524 the kernel is older; ENODEV this machine has no such CPU; those of insert_or_assign(key, value)
  /// @cost one system call, no allocation
  /// @concurrency a program on that CPU may write the slot at the same time
  void insert_or_assign(key_type const& key, Slot const& slot, cpu which, std::error_code& ec) const noexcept {
    this->judge(write_slot(key, slot, which), 0, ec);
  }
  void insert_or_assign(key_type const& key, Slot const& slot, cpu which) const
    requires throwing<>
  {
    int const result = write_slot(key, slot, which);
    if (result == -enotsupp) {
      this->fail(operation::insert_or_assign, make_error(result), "writing one CPU's slot in one step needs Linux 7.0");
    }
    this->judge(result, 0, operation::insert_or_assign);
  }

  /// Sets the slots of all possible CPUs to the same bytes, whatever the reducer. BPF_MAP_UPDATE_ELEM, with
  /// BPF_F_ALL_CPUS where the kernel has it (7.0), which copies one slot only.
  /// @errors, @cost, @concurrency as insert_or_assign(key, value)
  void insert_or_assign(key_type const& key, Slot const& slot, all_cpus_t, std::error_code& ec) const noexcept {
    this->judge(write_all(key, slot), 0, ec);
  }
  void insert_or_assign(key_type const& key, Slot const& slot, all_cpus_t) const
    requires throwing<>
  {
    this->judge(write_all(key, slot), 0, operation::insert_or_assign);
  }

 private:
  static constexpr std::uint64_t flags_for(cpu which) noexcept {
    return elem_flags::cpu | std::uint64_t{which.id} << 32;
  }

  // Whether the kernel refused the flags, and not the rest of what it was asked: these commands have no other EINVAL.
  // ERANGE is for one CPU: the kernel compares ids with the number of possible CPUs, also where ids have holes.
  static bool flags_refused(int result) noexcept {
    if (result == -EINVAL) cpu_flags_refused.store(true, std::memory_order_relaxed);
    return result == -EINVAL || result == -ERANGE;
  }

  // 0 or a negative errno.
  int read_slot(key_type const& key, cpu which, Slot& slot) const noexcept {
    if (this->cpus() == nullptr) return -EBADF;
    std::size_t const rank = this->cpus()->rank_of(which.id);
    if (rank == this->cpus()->size()) return -ENODEV;
    if (!cpu_flags_refused.load(std::memory_order_relaxed)) {
      int const result =
          sys::map_lookup(this->fd(), std::addressof(key), static_cast<void*>(std::addressof(slot)), flags_for(which));
      if (!flags_refused(result)) return result;
    }
    return this->with_slots([&](std::byte* slots) {
      int const result = sys::map_lookup(this->fd(), std::addressof(key), slots);
      if (result == 0) {
        std::memcpy(static_cast<void*>(std::addressof(slot)), slots + rank * slot_stride<Slot>, sizeof slot);
      }
      return result;
    });
  }

  int write_slot(key_type const& key, Slot const& slot, cpu which) const noexcept {
    if (this->cpus() == nullptr) return -EBADF;
    if (!this->cpus()->contains(which.id)) return -ENODEV;
    if (cpu_flags_refused.load(std::memory_order_relaxed)) return -enotsupp;
    int const result = sys::map_update(this->fd(), std::addressof(key), std::addressof(slot), flags_for(which));
    return flags_refused(result) ? -enotsupp : result;
  }

  int write_all(key_type const& key, Slot const& slot) const noexcept {
    if (!cpu_flags_refused.load(std::memory_order_relaxed)) {
      int const result = sys::map_update(this->fd(), std::addressof(key), std::addressof(slot), elem_flags::all_cpus);
      if (!flags_refused(result)) return result;
    }
    return this->with_slots([&](std::byte* slots) {
      std::size_t const bytes = slot_stride<Slot> * this->cpus()->size();
      std::memset(slots, 0, bytes);
      for (std::size_t at = 0; at < bytes; at += slot_stride<Slot>) {
        std::memcpy(slots + at, static_cast<void const*>(std::addressof(slot)), sizeof slot);
      }
      return sys::map_update(this->fd(), std::addressof(key), slots, elem_flags::any);
    });
  }
};

}  // namespace detail

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
