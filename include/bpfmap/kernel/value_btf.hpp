// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_VALUE_BTF_HPP
#define BPFMAP_KERNEL_VALUE_BTF_HPP

// BTF for maps that the kernel does not create without, or not with locks that work: of a key that is an int, or bytes,
// and of a value, as bytes and, if it has one, its bpf_spin_lock. The names of a C++ struct's members are not known
// here, and the kernel does not ask.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>

#include <bpfmap/core/error.hpp>
#include <bpfmap/core/fields.hpp>
#include <bpfmap/kernel/fd.hpp>
#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// Where the parts of a value are that the kernel must know.
struct value_shape {
  static constexpr std::size_t none = SIZE_MAX;

  std::size_t bytes = 0;
  std::size_t lock = none;              ///< the offset of its bpf_spin_lock
  std::size_t key_bytes = sizeof(int);  ///< of a key that is no int: indices and descriptors are
  bool key_is_int = true;
};

// Converts to any member, as zeros.
struct zero_member {
  template <class T>
  constexpr operator T() const noexcept {
    return T{};
  }
};

// An object of zeros but for its bpf_spin_lock, which has members in front: where is what is not zero? This finds the
// place also in structs that cannot be taken apart, with bit-fields or unnamed unions.
template <class T, std::size_t... I>
std::size_t lock_after(std::index_sequence<I...>) noexcept {
  constexpr ::bpf_spin_lock mark{0xb10c};
  alignas(T) std::byte memory[sizeof(T)]{};  // so that padding, too, is zeros
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
  ::new (static_cast<void*>(memory)) T{{(static_cast<void>(I), zero_member{})}..., mark};
#pragma GCC diagnostic pop
  for (std::size_t at = 0; at + sizeof mark <= sizeof memory; at += alignof(::bpf_spin_lock)) {
    if (std::memcmp(memory + at, &mark, sizeof mark) == 0) return at;
  }
  return value_shape::none;
}

/// The offset of the bpf_spin_lock in a T, or value_shape::none.
template <class T, std::size_t Before = 0>
std::size_t lock_offset() noexcept {
  if constexpr (!std::is_class_v<T> || !std::is_aggregate_v<T> || Before == max_members) {
    return value_shape::none;
  } else if constexpr (is_member_after<T, ::bpf_spin_lock>(std::make_index_sequence<Before>{})) {
    return lock_after<T>(std::make_index_sequence<Before>{});
  } else {
    return lock_offset<T, Before + 1>();
  }
}

/// BTF in the kernel, with the ids of a map's key and value.
struct value_btf {
  unique_fd fd;
  std::uint32_t key_id = 0;
  std::uint32_t value_id = 0;

  /// @errors EPERM no CAP_BPF; ENOMEM
  /// @cost two system calls
  static value_btf load(value_shape const& shape, std::error_code& ec) noexcept {
    struct closer {
      void operator()(::btf* it) const noexcept { ::btf__free(it); }
    };
    std::unique_ptr<::btf, closer> const types(::btf__new_empty());
    int failed = types == nullptr ? ENOMEM : 0;
    // The id of what was added, or, once something failed, 0, and nothing that is built on it matters.
    auto const added = [&](int id) -> int {
      if (id < 0 && failed == 0) failed = -id;
      return id < 0 ? 0 : id;
    };
    value_btf made;
    if (failed == 0) {
      int const key = added(::btf__add_int(types.get(), "int", sizeof(int), BTF_INT_SIGNED));
      int const byte = added(::btf__add_int(types.get(), "unsigned char", 1, 0));
      int const lock = shape.lock == value_shape::none ? 0 : add_lock(types.get(), added);
      auto const bytes = [&](std::size_t count) {
        return added(::btf__add_array(types.get(), key, byte, static_cast<std::uint32_t>(count)));
      };
      auto const field = [&](char const* name, int type, std::size_t offset) {
        static_cast<void>(added(::btf__add_field(types.get(), name, type, static_cast<std::uint32_t>(8 * offset), 0)));
      };
      // Other types first: the members of a struct must follow it at once.
      std::size_t const behind = lock == 0 ? 0 : shape.lock + sizeof(::bpf_spin_lock);
      int const first = bytes(lock == 0 ? shape.bytes : shape.lock);
      int const rest = lock == 0 ? 0 : bytes(shape.bytes - behind);
      made.key_id = static_cast<std::uint32_t>(shape.key_is_int ? key : bytes(shape.key_bytes));
      made.value_id = static_cast<std::uint32_t>(
          added(::btf__add_struct(types.get(), nullptr, static_cast<std::uint32_t>(shape.bytes))));
      field("bytes", first, 0);
      if (lock != 0) {
        field("lock", lock, shape.lock);
        field("more_bytes", rest, behind);
      }
    }
    if (failed == 0) failed = -::btf__load_into_kernel(types.get());
    ec = failed == 0 ? std::error_code{} : make_error(failed);
    if (!ec) made.fd = unique_fd::duplicate(::btf__fd(types.get()), ec);
    return made;
  }

 private:
  template <class Added>
  static int add_lock(::btf* types, Added const& added) noexcept {
    int const number = added(::btf__add_int(types, "unsigned int", sizeof(std::uint32_t), 0));
    int const lock = added(::btf__add_struct(types, "bpf_spin_lock", sizeof(::bpf_spin_lock)));
    static_cast<void>(added(::btf__add_field(types, "val", number, 0, 0)));
    return lock;
  }
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
