// SPDX-License-Identifier: MIT
// maps/striped_array.hpp: what the class tells the compiler, and how like percpu_array it is.

#include <bpfmap/maps/array.hpp>
#include <bpfmap/maps/striped_array.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

struct striped_pair {
  std::uint64_t packets;
  std::uint64_t bytes;
};

// Every member that its constraints allow compiles, also those that no test calls.
template class bpfmap::striped_array<std::uint64_t>;
template class bpfmap::striped_array<striped_pair>;
template class bpfmap::striped_array<std::array<std::uint8_t, 3>, bpfmap::reduce::slots>;
template class bpfmap::striped_array<double, bpfmap::reduce::mean>;

namespace {

using namespace bpfmap;

struct first {  // no scatter()
  std::uint64_t operator()(per_cpu_view<std::uint64_t const> slots) const { return slots[0]; }
};

using striped = striped_array<std::uint32_t>;
using beside = percpu_array<std::uint32_t>;
using all_slots = striped_array<std::uint32_t, reduce::slots>;

template <class A, class B>
constexpr bool same = std::is_same_v<A, B>;
static_assert(same<striped::key_type, std::uint32_t> && same<striped::slot_type, std::uint32_t>);
static_assert(same<striped::mapped_type, std::uint64_t>, "the sum of narrow integers is wide");
static_assert(same<striped::mapped_type, beside::mapped_type> && same<striped::value_type, beside::value_type> &&
              same<striped::size_type, beside::size_type> && same<striped::reducer_type, beside::reducer_type>);
static_assert(striped::type == map_type::array && striped::traits.type == map_type::array);
static_assert(std::is_nothrow_move_constructible_v<striped> && std::is_nothrow_move_assignable_v<striped> &&
              !std::is_copy_constructible_v<striped>);

// ---- the same calls as percpu_array's, with the same results ----

template <class Map, class F>
using result = std::invoke_result_t<F, Map const&>;
template <auto F>
constexpr bool alike = same<result<striped, decltype(F)>, result<beside, decltype(F)>>;
static_assert(alike<[](auto& map) { return map.find(1U); }> && alike<[](auto& map) { return map.at(1U); }>);
static_assert(alike<[](auto& map) { return map.contains(1U); }> && alike<[](auto& map) { return map.size(); }>);
static_assert(alike<[](auto& map) { return map.find(1U, cpu{0}); }> &&
              alike<[](auto& map) { return map.at(1U, cpu{0}); }>);
static_assert(alike<[](auto& map) { return map.assign(1U, 2U); }> &&
              alike<[](auto& map) { map.insert_or_assign(1U, 2U); }>);
static_assert(alike<[](auto& map) { map.insert_or_assign(1U, 2U, cpu{0}); }> &&
              alike<[](auto& map) { map.insert_or_assign(1U, 2U, all_cpus); }>);
static_assert(alike<[](auto& map) { return *map.begin(); }> && alike<[](auto& map) { return *map.keys().begin(); }> &&
              alike<[](auto& map) { return *map.values().begin(); }>);
static_assert(alike<[](auto& map) { return map.for_each([](auto, auto) {}); }> &&
              alike<[](auto& map) { return map.empty(); }> && alike<[](auto& map) { return map.counted_by(); }>);

// ---- the functions with an error code do not throw, unless the reducer may ----

std::error_code ec;
static_assert(noexcept(std::declval<striped const&>().find(1, ec)) && noexcept(
    std::declval<striped const&>().at(1, ec)) && noexcept(std::declval<striped const&>().contains(1, ec)));
static_assert(noexcept(std::declval<striped const&>().assign(1, 2, ec)) && noexcept(
    std::declval<striped const&>().insert_or_assign(1, 2, ec)));
static_assert(noexcept(std::declval<striped const&>().totals({}, ec)) && noexcept(
    std::declval<striped const&>().size(ec)) && noexcept(std::declval<striped const&>().entries(ec)));
static_assert(noexcept(std::declval<striped const&>().for_each([](auto, auto) noexcept {}, ec)) &&
              !noexcept(std::declval<striped const&>().find(1)));
static_assert(!noexcept(std::declval<all_slots const&>().find(1, ec)), "slots allocate");

// ---- what there is, and what there is not ----

template <class Map>
concept writable = requires(Map& m) { m.assign(1, 2); } && requires(Map& m) { m.insert_or_assign(1, 2); };
static_assert(writable<striped> && !writable<striped_array<std::uint64_t, first>>);

template <class Map>
concept wrong =
    requires(Map& m) { m.insert(1, 2); } || requires(Map& m) { m.erase(1); } || requires(Map& m) { m.extract(1); } ||
    requires(Map& m) { m.push(1); } || requires(Map& m) { m.pop(); } || requires(Map& m) { m.peek(); } ||
    requires(Map& m) { m.span(); } || requires(Map& m) { m[1]; };
static_assert(!wrong<striped>);

template <class Slot, class Reducer = reduce::sum>
concept exists = requires { typename striped_array<Slot, Reducer>; };
static_assert(exists<std::uint8_t> && exists<striped_pair> && exists<double, reduce::mean>);
static_assert(!exists<std::string> && !exists<int*> && !exists<std::uint64_t, int> && !exists<striped_pair, first>);

using range = decltype(std::declval<striped const&>().entries(ec));
static_assert(std::ranges::input_range<range> && std::ranges::view<range> && std::ranges::borrowed_range<range>);
static_assert(std::ranges::input_range<striped const>);

// ---- of bools ----

using flags = striped_array<bool, reduce::bit_or>;
static_assert(requires(flags const& map) {
  { map.reduce_all(ec) } -> std::same_as<std::vector<bool>>;
});
// Its body, too.
[[maybe_unused]] std::vector<bool> all_of(flags const& map) { return map.reduce_all(ec); }

}  // namespace
