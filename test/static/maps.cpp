// SPDX-License-Identifier: MIT
// maps/array.hpp and maps/hash.hpp: what the classes of the families tell the compiler. Types, which members
// exist, and that every function with an error code as its last parameter is noexcept.

#include <bpfmap/maps/array.hpp>
#include <bpfmap/maps/hash.hpp>

#include "print.hpp"

#include <array>
#include <atomic>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>

// Every member that its constraints allow compiles, also those that no test calls.
template class bpfmap::hash<std::uint32_t, std::uint64_t>;
template class bpfmap::lru_hash<std::array<char, 16>, double>;
template class bpfmap::percpu_hash<std::uint32_t, std::uint32_t, bpfmap::reduce::max>;
template class bpfmap::lru_percpu_hash<std::uint32_t, std::uint64_t, bpfmap::reduce::slots>;
template class bpfmap::array<std::uint32_t>;
template class bpfmap::array<std::uint64_t, bpfmap::mmapable>;
template class bpfmap::array<std::array<char, 12>, bpfmap::mmapable_read_only>;
template class bpfmap::percpu_array<std::array<std::uint64_t, 2>>;

namespace {

using namespace bpfmap;

struct key {
  std::uint32_t address;
  std::uint32_t port;
};
struct stats {
  std::uint64_t packets;
  std::uint64_t bytes;
};
struct guarded {
  bpf_spin_lock lock;
  std::uint32_t count;
};
struct padded {
  std::uint32_t address;
  std::uint8_t protocol;
};
struct first_slot {  // no scatter
  std::uint64_t operator()(per_cpu_view<std::uint64_t const> slots) const { return slots[0]; }
};

using flows = hash<key, stats>;
using recent_flows = lru_hash<key, stats>;
using hits = percpu_hash<std::uint32_t, std::uint32_t>;
using recent_hits = lru_percpu_hash<std::uint32_t, stats, reduce::max>;
using all_hits = percpu_hash<std::uint32_t, std::uint32_t, reduce::slots>;
using counters = array<std::uint64_t>;
using cells = array<std::uint64_t, mmapable>;
using shown_cells = array<std::uint64_t, mmapable_read_only>;
using words = array<std::uint32_t, mmapable>;
using drops = percpu_array<std::uint64_t>;
using first_drops = percpu_array<std::uint64_t, first_slot>;
using locks = hash<std::uint32_t, guarded>;

// ---- member types ----

template <class Map, map_type Type, class Key, class Mapped>
constexpr bool is_map_of =
    Map::type == Type && &Map::traits == &traits_of(Type) && std::same_as<typename Map::key_type, Key> &&
    std::same_as<typename Map::mapped_type, Mapped> && std::same_as<typename Map::value_type, std::pair<Key, Mapped>> &&
    std::same_as<typename Map::size_type, std::uint64_t>;
static_assert(is_map_of<flows, map_type::hash, key, stats>);
static_assert(is_map_of<recent_flows, map_type::lru_hash, key, stats>);
static_assert(is_map_of<hits, map_type::percpu_hash, std::uint32_t, std::uint64_t>, "what find() gives");
static_assert(is_map_of<recent_hits, map_type::lru_percpu_hash, std::uint32_t, stats>);
static_assert(is_map_of<bpfmap::percpu_hash<std::uint32_t, bool, bpfmap::reduce::slots>, map_type::percpu_hash,
                        std::uint32_t, per_cpu_values<bool>>);
static_assert(is_map_of<all_hits, map_type::percpu_hash, std::uint32_t, per_cpu_values<std::uint32_t>>);
static_assert(is_map_of<counters, map_type::array, std::uint32_t, std::uint64_t>);
static_assert(is_map_of<cells, map_type::array, std::uint32_t, std::uint64_t>);
static_assert(is_map_of<drops, map_type::percpu_array, std::uint32_t, std::uint64_t>);
static_assert(std::same_as<hits::slot_type, std::uint32_t> && std::same_as<recent_hits::slot_type, stats> &&
              std::same_as<drops::slot_type, std::uint64_t>);
static_assert(std::same_as<hits::reducer_type, reduce::sum> && std::same_as<all_hits::reducer_type, reduce::slots>);
static_assert(std::same_as<counters::access_type, unmapped> && std::same_as<cells::access_type, mmapable>);

// ---- a class with the wrong arguments can be asked for, and is not there ----

template <template <class...> class Map, class... A>
concept exists = requires { typename Map<A...>; };
static_assert(exists<hash, key, stats> && !exists<hash, padded, stats> && !exists<hash, key*, stats>);
static_assert(exists<lru_hash, key, padded> && !exists<lru_hash, float, stats>);
static_assert(exists<array, padded> && !exists<array, char*> && !exists<array, stats const>);
static_assert(exists<percpu_hash, key, stats> && !exists<percpu_hash, padded, stats>);
static_assert(!exists<percpu_hash, key, std::array<char, 32769>> && !exists<percpu_hash, key, stats, first_slot>);
static_assert(exists<percpu_array, std::uint64_t, first_slot> && !exists<percpu_array, void*>);

// ---- which members there are ----

// A template, so that what is not there is an answer and not an error.
template <class Map>
struct has {
  using k = typename Map::key_type;
  using v = typename Map::mapped_type;
  static constexpr bool erase = requires(Map& m, k const& at) { m.erase(at); };
  static constexpr bool insert = requires(Map& m, k const& at, v const& to) { m.insert(at, to); };
  static constexpr bool assign = requires(Map& m, k const& at, v const& to) { m.assign(at, to); };
  static constexpr bool extract = requires(Map& m, k const& at) { m.extract(at); };
  static constexpr bool push = requires(Map& m, v const& to) { m.push(to); };
  static constexpr bool pop = requires(Map& m) { m.pop(); };
  static constexpr bool peek = requires(Map& m) { m.peek(); };
  static constexpr bool locked_find = requires(Map& m, k const& at) { m.find(at, locked); };
  static constexpr bool locked_insert = requires(Map& m, k const& at, v const& to) { m.insert(at, to, locked); };
  static constexpr bool size = requires(Map& m) { m.size(); };
  static constexpr bool span = requires(Map& m) { m.span(); };
  static constexpr bool cells = requires(Map& m) { m.cells(); };
  static constexpr bool subscript = requires(Map& m, k const& at) { m[at]; };
  static constexpr bool written_subscript = requires(Map& m, k const& at, v const& to) { m[at] = to; };
  static constexpr bool atomic = requires(Map& m, k const& at) { m.atomic(at); };
  static constexpr bool load = requires(Map& m, k const& at) { m.load(at); };
};
static_assert(has<flows>::erase && has<flows>::insert && has<flows>::assign && has<flows>::extract);
static_assert(has<hits>::erase && has<hits>::insert && has<hits>::assign && has<hits>::extract);
static_assert(!has<counters>::erase && !has<counters>::insert && has<counters>::assign && !has<counters>::extract);
static_assert(!has<drops>::erase && !has<drops>::insert && has<drops>::assign && !has<drops>::extract);
static_assert(!has<flows>::push && !has<flows>::pop && !has<flows>::peek && !has<cells>::push);
static_assert(has<flows>::size && has<hits>::size && has<counters>::size && has<drops>::size);
static_assert(has<locks>::locked_find && has<locks>::locked_insert);
static_assert(!has<flows>::locked_find && !has<flows>::locked_insert && !has<hits>::locked_find);
static_assert(!has<lru_hash<std::uint32_t, guarded>>::locked_find && has<array<guarded>>::locked_find &&
              !has<array<guarded>>::locked_insert);
static_assert(!has<first_drops>::assign && has<drops>::assign);

static_assert(!has<flows>::span && !has<hits>::span && !has<drops>::span && !has<counters>::span);
static_assert(has<cells>::span && has<shown_cells>::span && !has<words>::span, "elements lie 8 bytes apart");
static_assert(has<words>::cells && has<cells>::cells && has<shown_cells>::cells && !has<counters>::cells);
static_assert(has<words>::subscript && !has<counters>::subscript && !has<flows>::subscript);
static_assert(has<cells>::written_subscript && !has<shown_cells>::written_subscript);
static_assert(has<cells>::atomic && has<words>::atomic && !has<shown_cells>::atomic && !has<counters>::atomic);
static_assert(has<cells>::load && has<shown_cells>::load && !has<counters>::load);
static_assert(!has<array<stats, mmapable>>::atomic && has<array<stats, mmapable>>::span);

static_assert(std::same_as<decltype(std::declval<cells&>().span()), std::span<std::uint64_t>>);
static_assert(std::same_as<decltype(std::declval<cells const&>().span()), std::span<std::uint64_t const>>);
static_assert(std::same_as<decltype(std::declval<shown_cells&>().span()), std::span<std::uint64_t const>>);
static_assert(std::same_as<decltype(std::declval<words&>().cells()), strided_view<std::uint32_t>>);
static_assert(std::same_as<decltype(std::declval<words const&>().cells()), strided_view<std::uint32_t const>>);
static_assert(std::same_as<decltype(std::declval<words&>().atomic(0)), std::atomic_ref<std::uint32_t>>);

// Another map's values do not fit.
static_assert(!std::is_assignable_v<flows&, recent_flows> && !std::is_constructible_v<flows, recent_flows>);
static_assert(!std::is_assignable_v<cells&, counters> && !std::is_assignable_v<flows&, map_handle>);
static_assert(!std::is_assignable_v<hits&, all_hits> && !std::is_constructible_v<hits, map_handle>);

// ---- what they return ----

template <class Map, class Key = typename Map::key_type, class Mapped = typename Map::mapped_type>
concept gives = requires(Map const& map, Key const& key, std::error_code& ec, void (*f)(Key const&, Mapped const&)) {
  { map.find(key) } -> std::same_as<std::optional<Mapped>>;
  { map.find(key, ec) } -> std::same_as<std::optional<Mapped>>;
  { map.at(key) } -> std::same_as<Mapped>;
  { map.contains(key) } -> std::same_as<bool>;
  { map.size() } -> std::same_as<std::uint64_t>;
  { map.empty() } -> std::same_as<bool>;
  { map.counted_by() } -> std::same_as<counting>;
  { map.max_size() } -> std::same_as<std::uint64_t>;
  { map.for_each(f) } -> std::same_as<std::uint64_t>;
  { map.clone() } -> std::same_as<Map>;
  { Map::create({}) } -> std::same_as<Map>;
  { Map::open_pinned("") } -> std::same_as<Map>;
};
static_assert(gives<flows> && gives<recent_flows> && gives<hits> && gives<recent_hits> && gives<all_hits>);
static_assert(gives<counters> && gives<cells> && gives<shown_cells> && gives<drops> && gives<first_drops>);

// ---- every function with an error code is noexcept ----

template <class Map>
concept opens_without_throwing = requires(Map map, Map const& same, std::error_code& ec) {
  { Map::create({}, ec) } noexcept;
  { Map::bind(nullptr, ec) } noexcept;
  { Map::from_fd(0, ec) } noexcept;
  { Map::from_id(0U, ec) } noexcept;
  { Map::open_pinned("", ec) } noexcept;
  { same.clone(ec) } noexcept;
  { same.pin("", ec) } noexcept;
  { same.unpin("", ec) } noexcept;
  { same.freeze(ec) } noexcept;
  { same.memory_usage(ec) } noexcept;
  { same.info() } noexcept;
  { same.name() } noexcept;
  { same.id() } noexcept;
  { same.max_size() } noexcept;
  { same.fd() } noexcept;
  { map.release() } noexcept;
};
static_assert(opens_without_throwing<flows> && opens_without_throwing<recent_flows> && opens_without_throwing<hits>);
static_assert(opens_without_throwing<recent_hits> && opens_without_throwing<all_hits>);
static_assert(opens_without_throwing<counters> && opens_without_throwing<cells>);
static_assert(opens_without_throwing<shown_cells> && opens_without_throwing<drops>);

template <class Map, class Key = typename Map::key_type, class Mapped = typename Map::mapped_type>
concept reads_without_throwing =
    requires(Map const& map, Key const& key, std::error_code& ec, void (*f)(Key const&, Mapped const&) noexcept) {
      { map.find(key, ec) } noexcept;
      { map.at(key, ec) } noexcept;
      { map.contains(key, ec) } noexcept;
      { map.size(ec) } noexcept;
      { map.empty(ec) } noexcept;
      { map.counted_by() } noexcept;
      { map.for_each(f, ec) } noexcept;
      { map.entries(ec) } noexcept;
      { map.keys(ec) } noexcept;
      { map.values(ec) } noexcept;
      { map.end() } noexcept;
    };
static_assert(reads_without_throwing<flows> && reads_without_throwing<recent_flows> && reads_without_throwing<hits>);
static_assert(reads_without_throwing<recent_hits> && reads_without_throwing<drops>);
static_assert(reads_without_throwing<counters> && reads_without_throwing<cells>);

template <class Map, class Key = typename Map::key_type, class Mapped = typename Map::mapped_type>
concept assigns_without_throwing = requires(Map const& map, Key const& key, Mapped const& value, std::error_code& ec) {
  { map.assign(key, value, ec) } noexcept;
  { map.insert_or_assign(key, value, ec) } noexcept;
};
static_assert(assigns_without_throwing<flows> && assigns_without_throwing<hits> && assigns_without_throwing<drops>);
static_assert(assigns_without_throwing<counters> && assigns_without_throwing<all_hits>);

template <class Map, class Key = typename Map::key_type, class Mapped = typename Map::mapped_type>
concept inserts_without_throwing = requires(Map const& map, Key const& key, Mapped const& value, std::error_code& ec) {
  { map.insert(key, value, ec) } noexcept;
  { map.erase(key, ec) } noexcept;
  { map.extract(key, ec) } noexcept;
};
static_assert(inserts_without_throwing<flows> && inserts_without_throwing<recent_flows>);
static_assert(inserts_without_throwing<hits> && inserts_without_throwing<recent_hits>);

template <class Map>
concept locks_without_throwing = requires(Map const& map, std::error_code& ec) {
  { map.find(1, locked, ec) } noexcept;
  { map.assign(1, {}, locked, ec) } noexcept;
  { map.insert_or_assign(1, {}, locked, ec) } noexcept;
};
static_assert(locks_without_throwing<locks> && locks_without_throwing<array<guarded>>);
static_assert(requires(locks const& map, std::error_code& ec) {
  { map.insert(1, {}, locked, ec) } noexcept;
});

static_assert(requires(cells& map) {
  { map.span() } noexcept;
  { map.cells() } noexcept;
  { map[0] } noexcept;
  { map.atomic(0) } noexcept;
  { map.load(0) } noexcept;
});

// A reducer that may throw makes reading throw, and says so; a callable likewise.
template <class Map>
concept finds_without_throwing = requires(Map const& map, std::error_code& ec) {
  { map.find(1, ec) } noexcept;
};
template <class Map>
concept extracts_without_throwing = requires(Map const& map, std::error_code& ec) {
  { map.extract(1, ec) } noexcept;
};
template <class Map>
concept looks_without_throwing = requires(Map const& map, std::error_code& ec) {
  { map.contains(1, ec) } noexcept;
};
static_assert(finds_without_throwing<hits> && extracts_without_throwing<hits>);
static_assert(!finds_without_throwing<all_hits> && !extracts_without_throwing<all_hits>);
static_assert(looks_without_throwing<all_hits>, "nothing is reduced");
template <class Map, class F>
concept walks_without_throwing = requires(Map const& map, F f, std::error_code& ec) {
  { map.for_each(f, ec) } noexcept;
};
static_assert(walks_without_throwing<hits, void (*)(std::uint32_t, std::uint64_t) noexcept>);
static_assert(!walks_without_throwing<hits, void (*)(std::uint32_t, std::uint64_t)>);

// The twin without an error code may throw.
template <class Map>
concept throws_nowhere = requires(Map const& map) {
  { map.find({}) } noexcept;
} || requires(Map const& map) {
  { map.at({}) } noexcept;
} || requires(Map const& map) {
  { map.assign({}, {}) } noexcept;
} || requires(Map const& map) {
  { map.size() } noexcept;
} || requires(Map const& map) {
  { map.begin() } noexcept;
} || requires {
  { Map::create({}) } noexcept;
};
static_assert(!throws_nowhere<flows> && !throws_nowhere<counters> && !throws_nowhere<hits>);

// A name as a std::string_view need not end: no class takes one.
template <class Map>
constexpr bool takes_a_string_view =
    requires(std::string_view path, std::error_code& code) { Map::open_pinned(path, code); };
static_assert(!takes_a_string_view<flows>);

template <class Map>
concept has_locked_at_with_a_code = requires(Map const& map, std::error_code& ec) { map.at(1, locked, ec); };

}  // namespace

BOOST_AUTO_TEST_SUITE(maps)

// Every function that throws has one, also under -fno-exceptions, where it is the only one.
BOOST_AUTO_TEST_CASE(at_with_a_lock_has_a_twin_with_an_error_code) { BOOST_TEST(has_locked_at_with_a_code<locks>); }

BOOST_AUTO_TEST_SUITE_END()
