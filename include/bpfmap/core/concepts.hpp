// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_CONCEPTS_HPP
#define BPFMAP_CORE_CONCEPTS_HPP

// What may be a key or a value, and what a map type can do, as concepts that say why not. The second half
// is a view of the traits table: one line a concept.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <system_error>
#include <type_traits>

#include <bpfmap/core/map_traits.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// A string as a template argument.
template <std::size_t N>
struct text {
  char chars[N]{};

  consteval text(char const (&literal)[N]) {
    for (std::size_t i = 0; i < N; ++i) chars[i] = literal[i];
  }
};
template <std::size_t N>
text(char const (&)[N]) -> text<N>;

/// Holds if `Holds` does; if not, GCC and clang print the sentence `Why`. Unlike a static_assert it can be
/// probed: a class that it constrains stays SFINAE-friendly.
template <bool Holds, text Why>
concept because = Holds;

namespace detail {

// The body of what gives a view of an object, for an object that goes with the expression it stands in. Not a
// constraint: then the overload for objects that stay would be taken, which temporaries may be bound to as well. It has
// the constraints of that overload, and takes no other arguments: else a compiler speaks of this one wherever that one
// is refused.
template <class... A>
constexpr void refuse_temporary() noexcept {
  static_assert(sizeof...(A) == static_cast<std::size_t>(-1),
                "this is a view of an object that is gone before the view is: keep the object in a variable");
}

// What functions that make views of maps take: nothing, or the place for an error.
template <class... A>
concept view_arguments = (sizeof...(A) == 0 && BPFMAP_EXCEPTIONS != 0) ||
                         (sizeof...(A) == 1 && (std::is_same_v<A, std::error_code&> && ...));

template <class T>
inline constexpr bool is_pointer_like =
    std::is_pointer_v<T> || std::is_member_pointer_v<T> || std::is_null_pointer_v<T> || std::is_reference_v<T>;

// std::string, std::vector and their kin: they hold a pointer to their bytes.
template <class T>
inline constexpr bool is_owning_range = requires(T& range) {
  range.data();
  range.resize(std::size_t{});
};

// They show bytes that are another's.
template <class T>
inline constexpr bool is_view = false;
template <class C, class Traits>
inline constexpr bool is_view<std::basic_string_view<C, Traits>> = true;
template <class T, std::size_t N>
inline constexpr bool is_view<std::span<T, N>> = true;

}  // namespace detail

/// Opt-in for a key type with padding or floating point, or with a union, whose members may differ in size: specialise
/// as true only if every byte of every key is set by you (zero the object first), because the kernel hashes and
/// compares all of them.
/// @code
/// template <> inline constexpr bool bpfmap::enable_bytewise_key<my_key> = true;
/// @endcode
template <class T>
inline constexpr bool enable_bytewise_key = false;

/// Bytes that mean the same to the kernel as here.
template <class T>
concept plain_bytes =
    because<!detail::is_pointer_like<T>,
            "a pointer or reference means nothing on the other side: store the bytes themselves"> &&
    because<!detail::is_owning_range<T> && !detail::is_view<std::remove_cv_t<T>>,
            "this type keeps its bytes elsewhere: use a fixed-size type such as std::array<char, N>"> &&
    because<std::is_trivially_copyable_v<T> && (std::is_copy_constructible_v<T> || std::is_array_v<T>),
            "the kernel copies keys and values byte by byte: the type must be trivially copyable"> &&
    because<!std::is_const_v<T> && !std::is_volatile_v<T>,
            "keys and values are plain object types, without const or volatile"> &&
    because<!std::is_empty_v<T>, "an empty type has no bytes to store">;

/// Bytes that functions can return.
template <class T>
concept returnable_bytes = plain_bytes<T> && because<!std::is_array_v<T>,
                                                     "a C array can be neither returned nor kept in a std::optional: "
                                                     "use std::array">;

/// May be the value of a map, or a per-CPU slot.
template <class T>
concept map_value =
    returnable_bytes<T> &&
    because<std::default_initializable<T>, "a map value must be default constructible: bpfmap reads into one">;

/// May be the key of the hash family: every byte counts.
template <class T>
concept hash_key =
    returnable_bytes<T> &&
    because<std::default_initializable<T>, "a map key must be default constructible: bpfmap reads into one"> &&
    because<std::has_unique_object_representations_v<T> || enable_bytewise_key<T>,
            "a hash key may not contain padding or floating point: the kernel hashes every byte. Name the padding as "
            "members (std::uint32_t zero = 0), or, also for a union, zero all bytes of every key yourself and say "
            "template <> inline constexpr bool bpfmap::enable_bytewise_key<Key> = true">;

/// May be a slot of a per-CPU map: the kernel's allocator has a limit.
template <class T>
concept per_cpu_slot =
    map_value<T> && because<sizeof(T) <= detail::percpu_max, "a per-CPU slot may have 32768 bytes at the most">;

/// What a stream can make of its records: the bytes as they are, or a type that is copied from them.
template <class E>
concept stream_event = plain_bytes<std::conditional_t<std::same_as<E, std::span<std::byte const>>, std::byte, E>>;

/// True where functions that throw exist: not under -fno-exceptions.
template <class T = void>
concept throwing = because<BPFMAP_EXCEPTIONS != 0,
                           "exceptions are disabled: call the overload whose last parameter is std::error_code&">;

// What a map type can do.

template <map_type Type>
concept erasable = because<static_cast<bool>(traits_of(Type).commands.erase),
                           "elements of this map type cannot be erased: the kernel refuses BPF_MAP_DELETE_ELEM">;

/// BPF_NOEXIST says something: on types whose indices all count as present it could only fail.
template <map_type Type>
concept insertable =
    because<traits_of(Type).key != key_kind::index || traits_of(Type).errnos.exist_on_absent != E2BIG,
            "every index of this map type is present already: use assign or insert_or_assign"> &&
    because<static_cast<bool>(traits_of(Type).commands.update), "user space cannot write elements of this map type"> &&
    because<traits_of(Type).errnos.noexist_on_present == EEXIST,
            "the kernel takes no BPF_NOEXIST for this map type: use insert_or_assign"> &&
    because<traits_of(Type).key != key_kind::index || traits_of(Type).errnos.exist_on_absent != 0,
            "to the kernel every index of this map type is present, also an empty one: use insert_or_assign">;

template <map_type Type>
concept assignable =
    because<static_cast<bool>(traits_of(Type).commands.update), "user space cannot write elements of this map type">;

/// BPF_EXIST says something.
template <map_type Type>
concept replaceable =
    assignable<Type> &&
    because<traits_of(Type).errnos.exist_on_absent == ENOENT || traits_of(Type).errnos.exist_on_absent == E2BIG,
            "the kernel does not tell whether this map type had the element: use insert_or_assign">;

template <map_type Type>
concept readable =
    because<static_cast<bool>(traits_of(Type).commands.lookup), "user space cannot read elements of this map type">;

template <map_type Type>
concept extractable = because<static_cast<bool>(traits_of(Type).commands.lookup_and_delete),
                              "this map type has no atomic extract: the kernel refuses "
                              "BPF_MAP_LOOKUP_AND_DELETE_ELEM">;

template <map_type Type>
concept iterable =
    because<
        traits_of(Type).key != key_kind::fd,
        "the elements of a local storage cannot be enumerated: each lies with its socket, inode, task or cgroup, and "
        "the kernel keeps no list of them"> &&
    because<static_cast<bool>(traits_of(Type).commands.next_key), "the elements of this map type cannot be enumerated">;

template <map_type Type>
concept keyless = because<traits_of(Type).key == key_kind::none && traits_of(Type).value != value_kind::none,
                          "push, pop and peek belong to queue and stack: this map type has keys">;

/// What was put in can be taken out again.
template <map_type Type>
concept takeable =
    keyless<Type> && because<static_cast<bool>(traits_of(Type).commands.lookup_and_delete),
                             "push, pop and peek belong to queue and stack: what is in this map type stays in it">;

template <map_type Type>
concept keyed = because<traits_of(Type).key != key_kind::none,
                        "the values of this map type have no keys: a queue or stack has push, pop and peek, a "
                        "bloom_filter has insert and might_contain">;

template <map_type Type>
concept mappable = because<static_cast<bool>(traits_of(Type).commands.mmap),
                           "the kernel maps only arrays, ring buffers and arenas into memory: this map type has "
                           "no span()">;

template <map_type Type>
concept has_spin_lock = because<traits_of(Type).spin_lock, "values of this map type cannot hold a bpf_spin_lock">;

template <map_type Type>
concept countable = because<traits_of(Type).count != counting::none, "the elements of this map type cannot be counted">;

template <map_type Type>
concept per_cpu =
    because<traits_of(Type).value == value_kind::percpu, "this map type has one value a key, not one a CPU">;

/// All its reduced values can be asked for at once.
template <map_type Type>
concept totalled =
    per_cpu<Type> && because<traits_of(Type).key == key_kind::index,
                             "only a per-CPU array has indices that are known before: walk over this map, or look its "
                             "keys up">;

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
