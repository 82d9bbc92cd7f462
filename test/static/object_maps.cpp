// SPDX-License-Identifier: MIT
// core/handles.hpp and the maps that hold kernel objects: what goes in, what comes out, and which members exist.

#include <bpfmap/core/handles.hpp>
#include <bpfmap/maps/fd_array.hpp>
#include <bpfmap/maps/redirect.hpp>
#include <bpfmap/maps/socket_map.hpp>
#include <bpfmap/objects/program.hpp>
#include <bpfmap/streams/perf_event_array.hpp>

#include "print.hpp"

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <ranges>
#include <system_error>
#include <type_traits>

// Every member that its constraints allow compiles, also those that no test calls.
template class bpfmap::sockmap<>;
template class bpfmap::sockmap<bpfmap::no_cookies>;
template class bpfmap::sockhash<std::array<char, 12>>;
template class bpfmap::sockhash<std::uint32_t, bpfmap::no_cookies>;
template class bpfmap::reuseport_sockarray<>;
template class bpfmap::devmap<>;
template class bpfmap::devmap<bpfmap::devmap_device>;
template class bpfmap::devmap_hash<>;
template class bpfmap::cpumap<>;
template class bpfmap::cpumap<bpfmap::cpumap_queue>;

namespace {

using namespace bpfmap;

// ---- strong descriptors ----

template <class A, class B>
concept comparable = requires(A a, B b) { a == b; };

template <class Handle>
constexpr bool is_strong =
    !std::is_convertible_v<int, Handle> && std::is_constructible_v<Handle, int> &&
    !std::is_convertible_v<Handle, int> && std::is_trivially_copyable_v<Handle> && sizeof(Handle) == sizeof(int) &&
    hash_key<Handle> && map_value<Handle> && comparable<Handle, Handle> && !comparable<Handle, int>;
static_assert(is_strong<socket_fd> && is_strong<file_fd> && is_strong<pid_fd> && is_strong<cgroup_fd> &&
              is_strong<program_fd> && is_strong<perf_event_fd>);
static_assert(!std::is_constructible_v<socket_fd, file_fd> && !std::is_constructible_v<program_fd, cgroup_fd>);
static_assert(!comparable<socket_fd, file_fd>);
static_assert(socket_fd(3).get() == 3 && socket_fd(3) == socket_fd(3) && socket_fd(3) != socket_fd(4));
static_assert(socket_fd().get() == -1);
static_assert(std::is_convertible_v<program, program_fd> && std::is_nothrow_convertible_v<program, program_fd>);
static_assert(!std::is_convertible_v<program, socket_fd>);

// ---- member types ----

template <class Map, map_type Type, class Key, class Argument, class Mapped>
constexpr bool is_map_of =
    Map::type == Type && std::same_as<typename Map::key_type, Key> &&
    std::same_as<typename Map::argument_type, Argument> && std::same_as<typename Map::mapped_type, Mapped>;
static_assert(is_map_of<prog_array, map_type::prog_array, std::uint32_t, program_fd, std::uint32_t>);
static_assert(is_map_of<devmap<>, map_type::devmap, std::uint32_t, devmap_value, devmap_entry>);
static_assert(is_map_of<devmap_hash<>, map_type::devmap_hash, std::uint32_t, devmap_value, devmap_entry>);
static_assert(is_map_of<devmap<devmap_device>, map_type::devmap, std::uint32_t, devmap_device, devmap_device>);
static_assert(is_map_of<cpumap<>, map_type::cpumap, std::uint32_t, cpumap_value, cpumap_entry>);
static_assert(is_map_of<cpumap<cpumap_queue>, map_type::cpumap, std::uint32_t, cpumap_queue, cpumap_queue>);
static_assert(is_map_of<sockmap<>, map_type::sockmap, std::uint32_t, socket_fd, std::uint64_t>);
static_assert(is_map_of<sockhash<std::uint16_t>, map_type::sockhash, std::uint16_t, socket_fd, std::uint64_t>);
static_assert(is_map_of<reuseport_sockarray<>, map_type::reuseport_sockarray, std::uint32_t, socket_fd, std::uint64_t>);
static_assert(std::same_as<cgroup_array::argument_type, cgroup_fd> && std::same_as<xskmap::argument_type, socket_fd>);
static_assert(std::same_as<perf_event_array<>::argument_type, perf_event_fd>);
// The kernel's struct bpf_devmap_val and struct bpf_cpumap_val.
static_assert(sizeof(devmap_entry) == 8 && sizeof(cpumap_entry) == 8 && sizeof(devmap_device) == 4);

// ---- which members exist ----

template <class M, class... A>
concept finds = requires(M const& map, typename M::key_type key, std::error_code& ec) {
  { map.find(key) } -> std::same_as<std::optional<typename M::mapped_type>>;
  { map.find(key, ec) } noexcept;
  { map.at(key, ec) } noexcept;
  { map.contains(key, ec) } noexcept;
};
template <class M>
concept inserts =
    requires(M const& map, typename M::key_type key, typename M::argument_type value, std::error_code& ec) {
      { map.insert(key, value) } -> std::same_as<bool>;
      { map.insert(key, value, ec) } noexcept;
    };
template <class M>
concept assigns =
    requires(M const& map, typename M::key_type key, typename M::argument_type value, std::error_code& ec) {
      { map.assign(key, value) } -> std::same_as<bool>;
      { map.assign(key, value, ec) } noexcept;
    };
template <class M>
concept sets_and_erases =
    requires(M const& map, typename M::key_type key, typename M::argument_type value, std::error_code& ec) {
      map.insert_or_assign(key, value);
      { map.insert_or_assign(key, value, ec) } noexcept;
      { map.erase(key) } -> std::same_as<bool>;
      { map.erase(key, ec) } noexcept;
    };
template <class M>
concept lists_keys = requires(M const& map, std::error_code& ec) {
  map.keys();
  { map.keys(ec) } noexcept;
};
template <class M>
concept counts = requires(M const& map, std::error_code& ec) {
  { map.size() } -> std::same_as<std::uint64_t>;
  { map.empty(ec) } noexcept;
  map.counted_by();
};
template <class M>
concept extracts = requires(M const& map, typename M::key_type key) { map.extract(key); };
template <class M>
concept walks = std::ranges::input_range<M const>;

using narrow_peers = sockhash<std::uint32_t, no_cookies>;

// All of them hold what can be set and erased, and nothing is taken out in one step.
template <class... M>
constexpr bool all_set_and_erase = (sets_and_erases<M> && ...) && !(extracts<M> || ...);
static_assert(all_set_and_erase<prog_array, cgroup_array, perf_event_array<>, devmap<>, devmap_hash<>, cpumap<>, xskmap,
                                sockmap<>, sockmap<no_cookies>, narrow_peers, reuseport_sockarray<>>);

template <class... M>
constexpr bool all_read = ((finds<M> && walks<M> && lists_keys<M>)&&...);
template <class... M>
constexpr bool none_reads = !((finds<M> || walks<M>) || ...);
static_assert(all_read<prog_array, devmap<>, devmap_hash<>, cpumap<>, sockmap<>, sockhash<int>, reuseport_sockarray<>>);
static_assert(none_reads<cgroup_array, perf_event_array<>, xskmap, sockmap<no_cookies>, narrow_peers,
                         reuseport_sockarray<no_cookies>>);
// Keys that were stored are known, indices that hold something only by reading them.
static_assert(lists_keys<narrow_peers> && !lists_keys<sockmap<no_cookies>> && !lists_keys<xskmap> &&
              !lists_keys<cgroup_array> && !lists_keys<perf_event_array<>>);

static_assert(inserts<sockmap<>> && inserts<narrow_peers> && inserts<reuseport_sockarray<>> && inserts<xskmap> &&
              inserts<devmap_hash<>>);
static_assert(!inserts<prog_array> && !inserts<cgroup_array> && !inserts<perf_event_array<>> && !inserts<devmap<>> &&
              !inserts<cpumap<>>);
static_assert(assigns<sockmap<>> && assigns<narrow_peers> && assigns<reuseport_sockarray<>> && assigns<xskmap>);
static_assert(!assigns<prog_array> && !assigns<cgroup_array> && !assigns<perf_event_array<>> && !assigns<devmap<>> &&
              !assigns<devmap_hash<>> && !assigns<cpumap<>>);

static_assert(counts<devmap_hash<>> && counts<narrow_peers> && counts<sockhash<int>> && counts<xskmap>);
static_assert(!counts<prog_array> && !counts<devmap<>> && !counts<cpumap<>> && !counts<sockmap<>> &&
              !counts<reuseport_sockarray<>> && !counts<cgroup_array> && !counts<perf_event_array<>>);

// ---- what they are made of ----

template <class Lookup>
concept names_a_sockmap = requires { typename sockmap<Lookup>; };
template <class Key>
concept names_a_sockhash = requires { typename sockhash<Key>; };
template <class Value>
concept names_a_devmap = requires { typename devmap<Value>; };
template <class Value>
concept names_a_cpumap = requires { typename cpumap<Value>; };
static_assert(names_a_sockmap<cookies> && names_a_sockmap<no_cookies> && !names_a_sockmap<std::uint64_t>);
static_assert(names_a_sockhash<std::array<char, 512>> && !names_a_sockhash<std::array<char, 513>> &&
              !names_a_sockhash<int*>);
static_assert(names_a_devmap<devmap_value> && !names_a_devmap<cpumap_value> && !names_a_devmap<std::uint32_t>);
static_assert(names_a_cpumap<cpumap_value> && !names_a_cpumap<devmap_value> && !names_a_cpumap<int>);

}  // namespace

BOOST_AUTO_TEST_SUITE(object_maps)

BOOST_AUTO_TEST_CASE(a_program_that_is_not_there_has_no_descriptor) {
  BOOST_TEST(static_cast<program_fd>(program()).get() == -1);
}

// The kernel's own meanings of 0 never come from a value.
BOOST_AUTO_TEST_CASE(values_become_what_the_kernel_takes_or_an_errno) {
  using device = bpfmap::detail::redirect_values<devmap_value>;
  using queue = bpfmap::detail::redirect_values<cpumap_queue>;
  bpfmap::detail::redirect_slot slot{9, 9};
  BOOST_TEST(device::encode({.ifindex = 3}, slot) == 0);
  BOOST_TEST((slot.target == 3U && slot.program == 0));
  BOOST_TEST(device::encode({.ifindex = 4, .program = program_fd(7)}, slot) == 0);
  BOOST_TEST((slot.target == 4U && slot.program == 7));
  BOOST_TEST(device::encode({.ifindex = 4, .program = program_fd(0)}, slot) == -EBADF);
  BOOST_TEST(device::encode({.ifindex = 4, .program = program_fd()}, slot) == -EBADF);
  BOOST_TEST(device::encode({}, slot) == -EINVAL);
  cpumap_queue size;
  BOOST_TEST(queue::encode({.queue_size = 0}, size) == -EINVAL);
  BOOST_TEST(queue::encode({.queue_size = 5}, size) == 0);
  BOOST_TEST(size.queue_size == 5U);

  std::uint64_t wide = ~0ULL;
  BOOST_TEST(bpfmap::detail::socket_values<cookies>::encode(socket_fd(5), wide) == 0);
  BOOST_TEST(wide == 5U);
  BOOST_TEST(bpfmap::detail::socket_values<cookies>::encode(socket_fd(), wide) == -EBADF);
  // Descriptor 0 is one.
  BOOST_TEST(bpfmap::detail::socket_values<cookies>::encode(socket_fd(0), wide) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
