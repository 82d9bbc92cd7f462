// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_ELEMENT_CONCEPTS_HPP
#define BPFMAP_ENGINE_ELEMENT_CONCEPTS_HPP

// What a map's class must be for its element functions to compile, beyond what its type allows: what its values
// are to the user, and what can be called with them.

#include <concepts>
#include <type_traits>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/fields.hpp>
#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// As the last argument: hold the element's bpf_spin_lock meanwhile, so that no value is seen or left half
/// written. BPF_F_LOCK, Linux 5.1. The map must have BTF.
struct locked_t {
  explicit locked_t() = default;
};
inline constexpr locked_t locked{};

namespace detail {

template <class Value>
constexpr bool holds_spin_lock() {
  if constexpr (std::is_class_v<Value> && std::is_aggregate_v<Value>)
    return has_member<Value, ::bpf_spin_lock>();
  else
    return false;
}

/// A map type and a value that BPF_F_LOCK works on.
template <map_type Type, class Value>
concept lockable = has_spin_lock<Type> &&
                   because<holds_spin_lock<Value>(), "locked needs a value with a bpf_spin_lock among its members">;

/// What for_each() can call.
template <class F, class Key, class Mapped>
concept visitor = because<std::invocable<F, Key const&, Mapped const&>,
                          "f is called as f(key, value), with copies or references to const">;

/// A class whose reducer can turn values back into slots (or that has no reducer).
template <class Values>
concept writable_values = because<Values::writable,
                                  "this map is read-only: its reducer has no scatter() that turns a value back "
                                  "into per-CPU slots">;

/// A class whose values come back as something.
template <map_type Type, class Values>
concept readable_values =
    readable<Type> &&
    because<Values::readable, "values of 4 bytes give no cookie back: use a map of 8-byte values (cookies)">;

/// A class that knows which keys there are.
template <map_type Type, class Values>
concept enumerable =
    iterable<Type> && because<traits_of(Type).key != key_kind::index ||
                                  (static_cast<bool>(traits_of(Type).commands.lookup) && Values::readable),
                              "the kernel does not tell which indices of this map hold something">;

/// A map whose slots of one CPU can be asked for alone.
template <map_type Type>
concept reached_by_cpu =
    per_cpu<Type> &&
    because<Type != map_type::percpu_cgroup_storage,
            "the kernel has no way to one CPU's slot of this map type: declare the map with reduce::slots, which "
            "gives every CPU's">;

// What the functions that write take: what is read, unless the policy says otherwise.
template <class Values>
struct argument_of {
  using type = typename Values::mapped_type;
};
template <class Values>
  requires requires { typename Values::argument_type; }
struct argument_of<Values> {
  using type = typename Values::argument_type;
};

}  // namespace detail

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
