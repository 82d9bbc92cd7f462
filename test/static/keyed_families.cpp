// SPDX-License-Identifier: MIT
// maps/lpm_trie.hpp, queue.hpp, bloom_filter.hpp, of_maps.hpp, insn_array.hpp: what the classes tell the compiler.

#include <bpfmap/maps/array.hpp>
#include <bpfmap/maps/bloom_filter.hpp>
#include <bpfmap/maps/hash.hpp>
#include <bpfmap/maps/insn_array.hpp>
#include <bpfmap/maps/lpm_trie.hpp>
#include <bpfmap/maps/of_maps.hpp>
#include <bpfmap/maps/queue.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>
#include <type_traits>
#include <vector>

// Every member that its constraints allow compiles, also those that no test calls.
template class bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv6>, double>;
template class bpfmap::lpm_trie<bpfmap::lpm_key<std::array<std::byte, 3>>, std::uint8_t>;
template class bpfmap::queue<std::array<char, 3>>;
template class bpfmap::stack<std::uint64_t>;
template class bpfmap::bloom_filter<std::uint64_t>;
template class bpfmap::array_of_maps<bpfmap::hash<std::uint32_t, std::uint64_t>>;
template class bpfmap::hash_of_maps<std::uint8_t, bpfmap::array<std::uint32_t, bpfmap::mmapable>>;
template class bpfmap::rhash<std::uint32_t, std::uint64_t>;

namespace {

using namespace bpfmap;

using routes = lpm_trie<lpm_key<ipv4>, std::uint32_t>;
using jobs = queue<std::uint64_t>;
using seen = bloom_filter<std::uint64_t>;
using cells = array<std::uint32_t>;
using pages = array_of_maps<cells>;
using books = hash_of_maps<std::uint64_t, cells>;
using hits = percpu_hash<std::uint32_t, std::uint16_t>;

struct padded {
  std::uint32_t address;
  std::uint8_t protocol;
};

// ---- member types ----

static_assert(std::same_as<routes::key_type, lpm_key<ipv4>> && std::same_as<routes::address_type, ipv4> &&
              std::same_as<routes::mapped_type, std::uint32_t> && routes::type == map_type::lpm_trie);
static_assert(std::same_as<jobs::value_type, std::uint64_t> && std::same_as<seen::value_type, std::uint64_t>);
static_assert(std::same_as<pages::mapped_type, cells> && std::same_as<books::mapped_type, cells>);
static_assert(std::same_as<pages::key_type, std::uint32_t> && std::same_as<books::key_type, std::uint64_t>);
static_assert(std::same_as<hits::slot_type, std::uint16_t> && std::same_as<hits::mapped_type, std::uint64_t>);

// ---- which classes there are ----

template <template <class...> class Map, class... Of>
concept exists = requires { typename Map<Of...>; };
static_assert(exists<lpm_trie, lpm_key<ipv6>, int> && !exists<lpm_trie, std::uint32_t, int> &&
              !exists<lpm_trie, ipv4, int>);
static_assert(exists<queue, padded> && !exists<queue, int*> && !exists<stack, std::vector<int>>);
static_assert(exists<bloom_filter, ipv4> && !exists<bloom_filter, padded>, "its every byte is hashed");
static_assert(exists<array_of_maps, cells> && exists<array_of_maps, jobs> && exists<array_of_maps, routes>);
static_assert(!exists<array_of_maps, pages> && !exists<array_of_maps, books> && !exists<hash_of_maps, int, pages>);
static_assert(!exists<array_of_maps, int> && !exists<hash_of_maps, padded, cells>);

// ---- what is returned ----

template <class Expected, class... Given>
constexpr bool all_are = (std::same_as<Given, Expected> && ...);
static_assert(all_are<std::optional<std::uint64_t>, decltype(std::declval<jobs const&>().pop()),
                      decltype(std::declval<jobs const&>().peek())>);
static_assert(all_are<std::optional<cells>, decltype(std::declval<pages const&>().find(1)),
                      decltype(std::declval<books const&>().find(1))>);
static_assert(all_are<std::optional<std::uint32_t>, decltype(std::declval<routes const&>().find(ipv4())),
                      decltype(std::declval<routes const&>().find(lpm_key<ipv4>()))>);
static_assert(all_are<std::optional<std::uint16_t>, decltype(std::declval<hits const&>().find(1, cpu{0}))>,
              "a slot, not what slots reduce to");

// ---- every function with an error code is noexcept ----

template <class List>
concept nothrow_list = requires(List const& list, std::error_code& ec, void (*f)(std::uint64_t const&) noexcept) {
  { list.push(1, ec) } noexcept;
  { list.push(1, displacing, ec) } noexcept;
  { list.pop(ec) } noexcept;
  { list.peek(ec) } noexcept;
  { list.drain(f, ec) } noexcept;
  { list.size(ec) } noexcept;
  { list.empty(ec) } noexcept;
  { list.counted_by() } noexcept;
};
static_assert(nothrow_list<jobs> && nothrow_list<stack<std::uint64_t>>);

static_assert(requires(seen const& map, std::error_code& ec) {
  { seen::create({}, ec) } noexcept;
  { map.insert(1, ec) } noexcept;
  { map.might_contain(1, ec) } noexcept;
  { map.hash_functions() } noexcept;
});

static_assert(requires(routes const& map, std::error_code& ec) {
  { map.find(ipv4(), ec) } noexcept;
  { map.at(ipv4(), ec) } noexcept;
  { map.contains(ipv4(), ec) } noexcept;
  { map.insert(lpm_key<ipv4>(), 1, ec) } noexcept;
  { map.erase(lpm_key<ipv4>(), ec) } noexcept;
});

template <class Outer>
concept nothrow_of_maps =
    requires(Outer const& map, cells const& inner, std::vector<typename Outer::key_type> const& keys,
             std::vector<cells> const& inners, std::error_code& ec) {
      { Outer::create({}, create_options{}, ec) } noexcept;
      { Outer::create({}, inner, ec) } noexcept;
      { map.find(1, ec) } noexcept;
      { map.at(1, ec) } noexcept;
      { map.find_id(1, ec) } noexcept;
      { map.insert_or_assign(1, inner, ec) } noexcept;
      { map.insert_or_assign(std::span(keys), std::span(inners), ec) };
      { map.erase(1, ec) } noexcept;
    };
static_assert(nothrow_of_maps<pages> && nothrow_of_maps<books>);

static_assert(requires(hits const& map, std::error_code& ec) {
  { map.find(1, cpu{0}, ec) } noexcept;
  { map.at(1, cpu{0}, ec) } noexcept;
  { map.insert_or_assign(1, 2, cpu{0}, ec) } noexcept;
  { map.insert_or_assign(1, 2, all_cpus, ec) } noexcept;
});

// ---- what is not there ----

template <class Map>
concept has_push = requires(Map const& map) { map.push(1); };
template <class Map>
concept has_insert = requires(Map const& map) { map.insert(1, cells()); };
template <class Map>
concept has_assign = requires(Map const& map) { map.assign(1, cells()); };
template <class Map>
concept has_size = requires(Map const& map) { map.size(); };
template <class Map>
concept has_begin = requires(Map const& map) { map.begin(); };
template <class Map>
concept has_erase = requires(Map const& map) { map.erase(1); };
static_assert(has_push<jobs> && !has_push<seen> && !has_push<hits>);
static_assert(has_insert<books> && !has_insert<pages> && has_assign<books> && !has_assign<pages>);
static_assert(has_size<books> && !has_size<pages> && has_size<jobs> && !has_size<seen>);
static_assert(has_begin<books> && !has_begin<jobs> && !has_begin<seen>);
static_assert(has_erase<books> && !has_erase<jobs> && !has_erase<seen>);

}  // namespace
