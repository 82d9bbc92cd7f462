// SPDX-License-Identifier: MIT
// core/concepts.hpp: what may be a key, a value or a slot and what may not, and what each map type can do,
// both ways. Which words a refusal comes with is tested in compile_fail/.

#include <bpfmap/core/concepts.hpp>

#include "print.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

enum class colour : std::uint8_t { red, green };
enum plain_enum { one, two };

struct packed {
  std::uint32_t address;
  std::uint16_t port;
  std::uint16_t zero;
};
struct padded {
  std::uint32_t address;
  std::uint16_t port;
};
struct vouched_for {
  std::uint32_t address;
  std::uint16_t port;
};
struct nested {
  packed ends[2];
  std::array<std::uint8_t, 8> name;
};
struct with_float {
  std::uint32_t id;
  float weight;
};
struct with_pointer {
  std::uint64_t id;
  void* owner;
};
struct with_bits {
  std::uint32_t low : 4;
  std::uint32_t high : 28;
};
struct with_defaults {
  std::uint32_t id = 7;
};
struct nothing {};
struct nothing_again : nothing {};
struct no_default {
  explicit no_default(std::uint32_t from) : id(from) {}
  std::uint32_t id;
};
struct copies {
  copies() = default;
  copies(copies const& other) : id(other.id) {}
  std::uint32_t id = 0;
};
struct destroys {
  ~destroys() { id = 0; }
  std::uint32_t id;
};
struct has_virtual {
  virtual ~has_virtual() = default;
  std::uint32_t id = 0;
};
union number_or_address {
  std::uint32_t number;
  std::uint8_t address[4];
};

}  // namespace

template <>
inline constexpr bool bpfmap::enable_bytewise_key<vouched_for> = true;

namespace {

using namespace bpfmap;

// Values: anything whose bytes are all there is.
template <class... T>
constexpr bool all_values = (map_value<T> && ...);
template <class... T>
constexpr bool no_values = !(map_value<T> || ...);

static_assert(all_values<bool, char, std::byte, std::int8_t, std::uint64_t, float, double, colour, plain_enum>);
static_assert(all_values<packed, padded, nested, with_float, with_pointer, with_bits, with_defaults>);
static_assert(all_values<std::array<std::uint64_t, 100>, std::array<padded, 2>, number_or_address>);
static_assert(no_values<void*, char const*, void (*)(), int packed::*, int (packed::*)(), std::nullptr_t>);
static_assert(no_values<int&, int const&, int&&, void, void const, int()>);
static_assert(no_values<int const, int volatile, packed const, std::array<int, 2> const>);
static_assert(no_values<std::string, std::vector<int>, std::vector<bool>, std::map<int, int>>);
static_assert(no_values<std::unique_ptr<int>, std::shared_ptr<int>, std::pair<int, int>>);
static_assert(no_values<nothing, nothing_again, no_default, copies, destroys, has_virtual>);

// Keys: besides, bytes without a meaning of their own may not be among them.
template <class... T>
constexpr bool all_keys = (hash_key<T> && ...);
template <class... T>
constexpr bool no_keys = !(hash_key<T> || ...);

static_assert(all_keys<bool, char, std::byte, std::int8_t, std::uint64_t, colour, plain_enum>);
static_assert(all_keys<packed, nested, with_bits, with_defaults, with_pointer>);
static_assert(all_keys<std::array<char, 16>, std::array<packed, 3>>);
static_assert(no_keys<padded, std::array<padded, 2>, float, double, long double, with_float>);
static_assert(no_keys<void*, int&, int const, void, nothing, no_default, copies, std::string, std::vector<int>>);
static_assert(hash_key<vouched_for> && !hash_key<vouched_for const> && !hash_key<vouched_for*>);
static_assert(!hash_key<std::array<vouched_for, 2>>, "who vouches for a type does not vouch for arrays of it");
static_assert(!enable_bytewise_key<padded>);

// Slots: besides, the kernel's per-CPU allocator has a limit.
static_assert(per_cpu_slot<std::uint64_t> && per_cpu_slot<padded> && per_cpu_slot<std::array<char, 32768>>);
static_assert(!per_cpu_slot<std::array<char, 32769>> && !per_cpu_slot<int*> && !per_cpu_slot<nothing>);

// A subsumes B: overloads on keys and values can be told apart.
template <plain_bytes T>
constexpr int strictest() {
  return 1;
}
template <map_value T>
constexpr int strictest() {
  return 2;
}
template <per_cpu_slot T>
constexpr int strictest() {
  return 3;
}
static_assert(strictest<no_default>() == 1);
static_assert(strictest<std::array<char, 32769>>() == 2);
static_assert(strictest<int>() == 3);

// A sentence is a template argument; equal ones are one type.
static_assert(because<true, "never printed"> && !because<false, "printed">);
template <text Why>
struct says {};
static_assert(std::is_same_v<says<"a">, says<"a">> && !std::is_same_v<says<"a">, says<"b">>);
static_assert(sizeof(text("abc").chars) == 4 && text("abc").chars[2] == 'c');

static_assert(throwing<>);

// What a map type can do: lists from the kernel's sources, against the view of the table.
using types = std::initializer_list<map_type>;
using enum map_type;

template <map_type Type>
struct views {
  static constexpr bool is_erasable = erasable<Type>;
  static constexpr bool is_insertable = insertable<Type>;
  static constexpr bool is_assignable = assignable<Type>;
  static constexpr bool is_replaceable = replaceable<Type>;
  static constexpr bool is_readable = readable<Type>;
  static constexpr bool is_extractable = extractable<Type>;
  static constexpr bool is_iterable = iterable<Type>;
  static constexpr bool is_keyless = keyless<Type>;
  static constexpr bool is_mappable = mappable<Type>;
  static constexpr bool is_lockable = has_spin_lock<Type>;
  static constexpr bool is_countable = countable<Type>;
  static constexpr bool is_per_cpu = per_cpu<Type>;
};

template <class Holds>
void check(Holds holds, types expected) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    auto const check_one = [&]<map_type Type>() {
      bool const is_expected = std::ranges::find(expected, Type) != expected.end();
      BOOST_TEST(holds.template operator()<Type>() == is_expected, to_string(Type));
    };
    (check_one.template operator()<static_cast<map_type>(I + 1)>(), ...);
  }(std::make_index_sequence<map_type_count>{});
}

template <class Holds>
void check_all_but(Holds holds, types expected) {
  check([&]<map_type Type>() { return !holds.template operator()<Type>(); }, expected);
}

// A type that bpfmap does not know can do nothing.
using unknown = views<map_type{1000}>;
static_assert(!unknown::is_keyless && !unknown::is_countable && !unknown::is_per_cpu && !unknown::is_lockable);

}  // namespace

BOOST_AUTO_TEST_SUITE(concepts_hpp)

BOOST_AUTO_TEST_CASE(elements_can_be_erased_except_where_every_index_stays_or_programs_own_them) {
  check_all_but([]<map_type Type> { return views<Type>::is_erasable; },
                {array, percpu_array, cgroup_storage, percpu_cgroup_storage, queue, stack, ringbuf, user_ringbuf,
                 bloom_filter, arena, insn_array});
}

BOOST_AUTO_TEST_CASE(insert_means_something_where_a_key_may_be_absent) {
  check([]<map_type Type> { return views<Type>::is_insertable; },
        {hash, lru_hash, percpu_hash, lru_percpu_hash, hash_of_maps, lpm_trie, sockmap, sockhash, reuseport_sockarray,
         xskmap, devmap_hash, sk_storage, inode_storage, task_storage, cgrp_storage, rhash});
}

BOOST_AUTO_TEST_CASE(assign_means_something_where_the_kernel_heeds_bpf_exist) {
  check_all_but([]<map_type Type> { return views<Type>::is_replaceable; },
                {prog_array, perf_event_array, cgroup_array, array_of_maps, devmap, devmap_hash, cpumap, queue, stack,
                 bloom_filter, struct_ops, stack_trace, ringbuf, user_ringbuf, arena});
}

BOOST_AUTO_TEST_CASE(user_space_writes_all_elements_but_those_that_are_the_kernels) {
  check_all_but([]<map_type Type> { return views<Type>::is_assignable; }, {stack_trace, ringbuf, user_ringbuf, arena});
}

BOOST_AUTO_TEST_CASE(user_space_reads_all_elements_but_some_descriptors) {
  check_all_but([]<map_type Type> { return views<Type>::is_readable; },
                {perf_event_array, cgroup_array, xskmap, ringbuf, user_ringbuf, arena});
}

BOOST_AUTO_TEST_CASE(the_hash_family_stack_traces_and_queues_can_extract) {
  check([]<map_type Type> { return views<Type>::is_extractable; },
        {hash, lru_hash, percpu_hash, lru_percpu_hash, rhash, stack_trace, queue, stack});
}

BOOST_AUTO_TEST_CASE(keys_can_be_enumerated_where_there_are_keys_but_not_of_local_storages) {
  check_all_but([]<map_type Type> { return views<Type>::is_iterable; },
                {queue, stack, sk_storage, inode_storage, task_storage, cgrp_storage, bloom_filter, ringbuf,
                 user_ringbuf, arena});
}

BOOST_AUTO_TEST_CASE(values_without_keys_are_in_queues_stacks_and_bloom_filters) {
  check([]<map_type Type> { return views<Type>::is_keyless; }, {queue, stack, bloom_filter});
}

BOOST_AUTO_TEST_CASE(arrays_rings_and_arenas_can_be_mapped) {
  check([]<map_type Type> { return views<Type>::is_mappable; }, {array, ringbuf, user_ringbuf, arena});
}

BOOST_AUTO_TEST_CASE(spin_locks_live_in_hashes_arrays_and_storages) {
  check([]<map_type Type> { return views<Type>::is_lockable; },
        {hash, array, cgroup_storage, sk_storage, inode_storage, task_storage, cgrp_storage, rhash});
}

BOOST_AUTO_TEST_CASE(elements_can_be_counted_where_they_can_be_absent_or_are_always_there) {
  check(
      []<map_type Type> { return views<Type>::is_countable; },
      {hash, lru_hash, percpu_hash, lru_percpu_hash, hash_of_maps, rhash, array, percpu_array, lpm_trie, sockhash,
       devmap_hash, xskmap, queue, stack, cgroup_storage, percpu_cgroup_storage, struct_ops, insn_array, stack_trace});
}

BOOST_AUTO_TEST_CASE(four_types_have_a_value_a_cpu) {
  check([]<map_type Type> { return views<Type>::is_per_cpu; },
        {percpu_hash, percpu_array, lru_percpu_hash, percpu_cgroup_storage});
}

// A view's bytes are a pointer and a size: as a key it would hash an address, as an event it would be one
// that a record made up.
BOOST_AUTO_TEST_CASE(views_of_bytes_elsewhere_are_no_values) {
  BOOST_TEST(!map_value<std::string_view>);
  BOOST_TEST(!hash_key<std::string_view>);
  BOOST_TEST(!map_value<std::span<std::byte>>);
  BOOST_TEST((!map_value<std::span<int const, 4>>));
}

// Functions return values, and std::optional holds them: neither works with a C array.
BOOST_AUTO_TEST_CASE(c_arrays_are_no_values) {
  BOOST_TEST(!map_value<char[16]>);
  BOOST_TEST(!hash_key<char[16]>);
  BOOST_TEST(!per_cpu_slot<std::uint64_t[4]>);
}

// find() returns a copy.
BOOST_AUTO_TEST_CASE(what_cannot_be_copied_is_no_value) { BOOST_TEST(!map_value<std::atomic<std::uint64_t>>); }

BOOST_AUTO_TEST_CASE(a_type_that_bpfmap_does_not_know_can_do_nothing) {
  BOOST_TEST(!erasable<map_type{1000}>);
  BOOST_TEST(!insertable<map_type{1000}>);
  BOOST_TEST(!assignable<map_type{1000}>);
  BOOST_TEST(!readable<map_type{1000}>);
  BOOST_TEST(!extractable<map_type{1000}>);
  BOOST_TEST(!iterable<map_type{1000}>);
  BOOST_TEST(!mappable<map_type{1000}>);
}

BOOST_AUTO_TEST_SUITE_END()
