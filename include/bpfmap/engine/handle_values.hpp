// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_HANDLE_VALUES_HPP
#define BPFMAP_ENGINE_HANDLE_VALUES_HPP

// Values that are kernel objects: what is written names one (by a descriptor), and what is read is something
// else (its id, its cookie), or nothing.

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <bpfmap/core/concepts.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// The common part of the policies of such maps: `Argument` is what is written, `Seen` what a lookup gives, as the
/// kernel lays it out, and `Slot` what the kernel stores for an update.
///
/// A policy adds `static int encode(Argument const&, Slot&)`, which gives 0 or a negative errno.
template <class Argument, map_value Seen, map_value Slot>
struct translated_values {
  static_assert(sizeof(Seen) == sizeof(Slot), "the kernel copies as many bytes either way");
  using slot_type = Slot;
  using mapped_type = Seen;
  using argument_type = Argument;
  static constexpr bool per_cpu = false;
  static constexpr bool readable = true;
  static constexpr bool writable = true;
  static constexpr bool nothrow = true;
  static constexpr bool nothrow_write = true;

  static std::size_t element_bytes(std::size_t) noexcept { return sizeof(Slot); }
  static Seen decode(std::byte const* from) noexcept {
    Seen value;
    std::memcpy(static_cast<void*>(&value), from, sizeof value);
    return value;
  }
};

/// A descriptor goes in and an integer comes out.
template <class Handle, std::unsigned_integral Integer = std::uint32_t>
struct handle_values : translated_values<Handle, Integer, Integer> {
  // The kernel's answers to -1 differ by type: it is EBADF in all of them.
  static int encode(Handle const& handle, Integer& slot) noexcept {
    if (handle.get() < 0) return -EBADF;
    slot = static_cast<Integer>(handle.get());
    return 0;
  }
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
