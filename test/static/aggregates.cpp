// SPDX-License-Identifier: MIT
// engine/aggregate_map.hpp: which maps have walks inside the kernel, counts, sums and the largest, and what they give.

#include <bpfmap/maps/array.hpp>
#include <bpfmap/maps/hash.hpp>
#include <bpfmap/maps/lpm_trie.hpp>

#include "print.hpp"

#include <concepts>
#include <cstdint>
#include <ranges>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using bpfmap::field;
using bpfmap::value;
using bpfmap::walk;

struct stats {
  std::uint32_t count;
  std::int32_t change;
};
using flows = bpfmap::hash<std::uint32_t, stats>;
using recent = bpfmap::lru_hash<std::uint32_t, stats>;
using cells = bpfmap::array<stats, bpfmap::mmapable>;
using growing = bpfmap::rhash<std::uint32_t, stats>;
using routes = bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv4>, stats>;
using hits = bpfmap::percpu_hash<std::uint32_t, std::uint32_t>;
using drops = bpfmap::percpu_array<std::int32_t>;
using all_slots = bpfmap::percpu_hash<std::uint32_t, std::uint32_t, bpfmap::reduce::slots>;

template <class Map>
constexpr bool walks_in_kernel = requires(Map const& map, std::error_code& ec) {
  map.entries(walk::in_kernel);
  map.keys(walk::in_kernel, ec);
  map.values(walk::in_kernel);
  map.for_each([](auto const&...) {}, walk::in_kernel, ec);
};
static_assert(walks_in_kernel<flows> && walks_in_kernel<recent> && walks_in_kernel<cells>);
static_assert(!walks_in_kernel<growing> && !walks_in_kernel<routes> && !walks_in_kernel<hits> &&
              !walks_in_kernel<drops>);

template <class Map>
constexpr bool asks = requires(Map const& map, std::error_code& ec) {
  map.count_if(field(&stats::count) > 1);
  map.sum(field(&stats::count), walk::batch, ec);
  map.sum_if(field(&stats::count), field(&stats::change) < 0, ec);
  map.top(10, field(&stats::change), walk::in_kernel);
};
static_assert(asks<flows> && asks<recent> && asks<cells> && asks<growing> && asks<routes>);
static_assert(!asks<hits> && !asks<drops>);
template <class Map>
constexpr bool asks_values = requires(Map const& map) { map.count_if(value() > 1); };
static_assert(asks_values<hits> && asks_values<drops> && !asks_values<flows> && !asks_values<all_slots>);

// What they give, and that with an error code nothing is thrown, except where a vector grows.
template <class Map>
constexpr bool gives_what_it_should = requires(Map const& map, std::error_code& ec) {
  { map.count_if(field(&stats::count) > 1) } -> std::same_as<std::uint64_t>;
  { map.count_if(field(&stats::count) > 1, ec) } noexcept;
  { map.count_if(field(&stats::count) > 1, walk::batch, ec) } noexcept;
  { map.sum(field(&stats::count), ec) } noexcept -> std::same_as<std::uint64_t>;
  { map.sum(field(&stats::change), walk::batch, ec) } noexcept -> std::same_as<std::int64_t>;
  { map.sum_if(field(&stats::change), field(&stats::count) > 1, ec) } noexcept -> std::same_as<std::int64_t>;
  { map.top(1, field(&stats::change), ec) } -> std::same_as<std::vector<typename Map::value_type>>;
  { map.entries(walk::in_kernel, ec) } noexcept -> std::ranges::borrowed_range;
  { map.keys(walk::in_kernel, ec) } noexcept -> std::ranges::input_range;
  { map.values(walk::in_kernel, ec) } noexcept -> std::ranges::input_range;
  {
    map.for_each([](auto const&...) noexcept {}, walk::in_kernel, ec)
  } noexcept -> std::same_as<std::uint64_t>;
};
static_assert(gives_what_it_should<flows> && gives_what_it_should<cells>);
template <class Map>
constexpr bool lets_exceptions_out = !noexcept(std::declval<Map const&>().for_each(
                                         [](auto const&...) {}, walk::in_kernel, std::declval<std::error_code&>())) &&
                                     !noexcept(std::declval<Map const&>().count_if(field(&stats::count) > 1));
static_assert(lets_exceptions_out<flows>);

}  // namespace
