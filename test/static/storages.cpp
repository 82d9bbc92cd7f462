// SPDX-License-Identifier: MIT
// Storages, stack traces, ring buffers, arenas and struct_ops: which members there are, what they give, and that no
// function with an error code throws.
#include <bpfmap/bpfmap.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ranges>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>

namespace {

using namespace bpfmap;

using sockets = sk_storage<std::uint64_t>;
using inodes = inode_storage<std::uint64_t>;
using tasks = task_storage<std::uint64_t>;
using cgroups = cgrp_storage<std::uint64_t>;
using quota = cgroup_storage<std::uint64_t>;
using percpu_quota = percpu_cgroup_storage<std::uint64_t>;
using stacks = stack_trace<64>;
using build_ids = stack_trace<16, build_id_frame>;

// ---- the kernel's layouts ----

static_assert(sizeof(build_id_frame) == 32 && offsetof(build_id_frame, build_id) == 4 &&
              offsetof(build_id_frame, position) == 24);
static_assert(sizeof(cgroup_storage_key) == 16 && offsetof(cgroup_storage_key, attach_type) == 8);
static_assert(sizeof(stack_frames<64>) == 64 * 8 && sizeof(stack_frames<16, build_id_frame>) == 16 * 32);
static_assert(sizeof(sockets::key_type) == 4 && sizeof(tasks::key_type) == 4);

// ---- what there is ----

static_assert(std::same_as<sockets::key_type, socket_fd> && std::same_as<inodes::key_type, file_fd>);
static_assert(std::same_as<tasks::key_type, pid_fd> && std::same_as<cgroups::key_type, cgroup_fd>);
static_assert(std::same_as<quota::key_type, cgroup_storage_key> &&
              std::same_as<percpu_quota::slot_type, std::uint64_t>);
static_assert(std::same_as<cgroup_storage<int, std::uint64_t>::key_type, std::uint64_t>);
static_assert(sockets::type == map_type::sk_storage && cgroups::type == map_type::cgrp_storage);
static_assert(std::ranges::contiguous_range<stack_frames<64>> && std::ranges::sized_range<stack_frames<64>>);
static_assert(map_value<stack_frames<64>> && std::is_trivially_copyable_v<stack_frames<16, build_id_frame>>);
static_assert(std::ranges::input_range<stacks> && std::ranges::input_range<quota>);

template <class Map>
struct has {
  using k = typename Map::key_type;
  using v = typename Map::mapped_type;
  static constexpr bool find = requires(Map const& m, k const& at) {
    { m.find(at) } -> std::same_as<std::optional<v>>;
  };
  static constexpr bool insert = requires(Map const& m, k const& at, v const& to) { m.insert(at, to); };
  static constexpr bool assign = requires(Map const& m, k const& at, v const& to) { m.assign(at, to); };
  static constexpr bool erase = requires(Map const& m, k const& at) { m.erase(at); };
  static constexpr bool extract = requires(Map const& m, k const& at) { m.extract(at); };
  static constexpr bool walk = requires(Map const& m) { m.begin(), m.keys(), m.entries(), m.values(); };
  static constexpr bool size = requires(Map const& m) { m.size(); };
  static constexpr bool locked_find = requires(Map const& m, k const& at) { m.find(at, locked); };
  static constexpr bool by_int = requires(Map const& m) { m.find(1); };
  static constexpr bool by_pid = requires(Map const& m) { m.find(pid{1}); };
};

template <class Map>
constexpr bool is_local_storage =
    has<Map>::find && has<Map>::insert && has<Map>::assign && has<Map>::erase && !has<Map>::extract &&
    !has<Map>::walk && !has<Map>::size && !has<Map>::by_int && !has<Map>::locked_find;
static_assert(is_local_storage<sockets> && is_local_storage<inodes> && is_local_storage<tasks> &&
              is_local_storage<cgroups>);
static_assert(has<tasks>::by_pid && !has<sockets>::by_pid && !has<cgroups>::by_pid);
struct guarded {
  bpf_spin_lock lock;
  std::uint32_t count;
};
static_assert(has<task_storage<guarded>>::locked_find && has<cgroup_storage<guarded>>::locked_find);
static_assert(!has<percpu_cgroup_storage<std::uint64_t>>::locked_find);

template <class Map>
constexpr bool is_cgroup_storage = has<Map>::find && !has<Map>::insert && has<Map>::assign && !has<Map>::erase &&
                                   !has<Map>::extract && has<Map>::walk && has<Map>::size;
static_assert(is_cgroup_storage<quota> && is_cgroup_storage<percpu_quota>);

template <class Map>
constexpr bool is_stack_trace = has<Map>::find && !has<Map>::insert && !has<Map>::assign && has<Map>::erase &&
                                has<Map>::extract && has<Map>::walk && has<Map>::size;
static_assert(is_stack_trace<stacks> && is_stack_trace<build_ids>);

template <class Arena, class T>
concept spans = requires(Arena& heap) { heap.template span<T>(0, 1); };
static_assert(spans<arena, int> && spans<arena const, int> && !spans<arena, int*> && !spans<arena, int const>);
static_assert(std::same_as<decltype(std::declval<arena&>().span<int>(0, 1)), std::span<int>>);
static_assert(std::same_as<decltype(std::declval<arena const&>().span<int>(0, 1)), std::span<int const>>);

template <class Map>
concept is_created = requires { Map::create({}); };
static_assert(is_created<arena> && is_created<ringbuf<>> && !is_created<struct_ops>);

template <class Event>
concept is_event = requires { typename ringbuf<Event>; };
static_assert(is_event<std::uint64_t> && is_event<std::span<std::byte const>> && !is_event<std::span<std::byte>> &&
              !is_event<int*>);

static_assert(!std::is_copy_constructible_v<struct_ops_link> && std::is_nothrow_move_constructible_v<struct_ops_link>);
static_assert(!std::is_copy_constructible_v<arena> && std::is_nothrow_move_assignable_v<arena>);

// ---- every function with an error code is noexcept ----

template <class Map, class Key>
concept stores_without_throwing = requires(Map const& map, Key key, std::error_code& ec) {
  { map.find(key, ec) } noexcept;
  { map.contains(key, ec) } noexcept;
  { map.insert(key, 1, ec) } noexcept;
  { map.assign(key, 1, ec) } noexcept;
  { map.insert_or_assign(key, 1, ec) } noexcept;
  { map.erase(key, ec) } noexcept;
};
static_assert(stores_without_throwing<sockets, socket_fd> && stores_without_throwing<inodes, file_fd>);
static_assert(stores_without_throwing<tasks, pid_fd> && stores_without_throwing<tasks, pid>);
static_assert(stores_without_throwing<cgroups, cgroup_fd>);

template <class Map>
concept opens_without_throwing = requires(Map const& map, std::error_code& ec) {
  { Map::bind(nullptr, ec) } noexcept;
  { Map::from_fd(0, ec) } noexcept;
  { Map::open_pinned("", ec) } noexcept;
  { map.clone(ec) } noexcept;
};
static_assert(opens_without_throwing<sockets> && opens_without_throwing<quota> && opens_without_throwing<stacks> &&
              opens_without_throwing<ringbuf<>> && opens_without_throwing<user_ringbuf<>> &&
              opens_without_throwing<arena> && opens_without_throwing<struct_ops>);
static_assert(noexcept(std::declval<stacks const&>().erase(1, std::declval<std::error_code&>())));
static_assert(noexcept(std::declval<arena&>().span<int>(0, 1, std::declval<std::error_code&>())));
static_assert(noexcept(std::declval<arena&>().allocate_pages(0, 1, std::declval<std::error_code&>())));
static_assert(noexcept(std::declval<struct_ops const&>().attach(std::declval<std::error_code&>())));
static_assert(noexcept(std::declval<struct_ops const&>().status(std::declval<std::error_code&>())));
static_assert(noexcept(std::declval<struct_ops_link&>().update(std::declval<struct_ops const&>(),
                                                               std::declval<std::error_code&>())));

// ---- where locks are ----

struct bits_before {
  std::uint32_t low : 3;
  std::uint32_t high : 29;
  union {
    std::uint64_t whole;
    std::uint32_t half;
  };
  bpf_spin_lock lock;
  std::uint8_t behind;
};
struct array_before {
  std::uint8_t bytes[5];
  std::array<std::uint16_t, 3> more;
  bpf_spin_lock lock;
};
struct no_lock {
  std::uint64_t count;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(storages)

BOOST_AUTO_TEST_CASE(the_place_of_a_lock_is_found_in_any_struct) {
  BOOST_TEST(detail::lock_offset<guarded>() == offsetof(guarded, lock));
  BOOST_TEST(detail::lock_offset<bits_before>() == offsetof(bits_before, lock));
  BOOST_TEST(detail::lock_offset<array_before>() == offsetof(array_before, lock));
  BOOST_TEST(detail::lock_offset<no_lock>() == detail::value_shape::none);
  BOOST_TEST(detail::lock_offset<std::uint64_t>() == detail::value_shape::none);
}

BOOST_AUTO_TEST_CASE(a_build_id_frame_has_an_offset_only_if_the_kernel_could_tell) {
  BOOST_TEST((build_id_frame{.how = build_id_frame::kind::build_id, .build_id = {}, .position = 7}.file_offset() == 7));
  BOOST_TEST(!(build_id_frame{.how = build_id_frame::kind::address, .build_id = {}, .position = 7}.file_offset()));
  BOOST_TEST(!build_id_frame{}.file_offset());
}

BOOST_AUTO_TEST_SUITE_END()
