// SPDX-License-Identifier: MIT
// What owns something of the kernel's can be moved and not copied, is as small as what it owns, and moves and
// destroys without an exception: descriptors, memory, buffers, maps, links, objects.

#include <bpfmap/bpfmap.hpp>

#include "print.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace {

using namespace bpfmap;

template <class T>
concept owner = std::is_nothrow_default_constructible_v<T> && std::is_nothrow_move_constructible_v<T> &&
                std::is_nothrow_move_assignable_v<T> && std::is_nothrow_destructible_v<T> &&
                !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T> && std::is_nothrow_swappable_v<T>;

static_assert(owner<unique_fd> && owner<detail::mapping> && owner<detail::buffer>);
static_assert(owner<map_handle> && owner<bpfmap::link> && owner<object>);
static_assert(owner<detail::element_counter>);
static_assert(owner<array<int>> && owner<array<int, mmapable>> && owner<array<int, mmapable_read_only>>);
static_assert(owner<percpu_array<int>> && owner<hash<int, int>> && owner<lru_hash<int, int>>);
static_assert(owner<percpu_hash<int, int>> && owner<lru_percpu_hash<int, int>>);
static_assert(owner<perf_event_array<>> && owner<perf_reader<int>> && owner<detail::perf_ring>);

// Guards and loans stay where they are.
static_assert(!std::is_move_constructible_v<detail::scratch> && !std::is_copy_constructible_v<detail::scratch>);
static_assert(!std::is_move_constructible_v<capture_libbpf_log> && !std::is_copy_assignable_v<capture_libbpf_log>);

// Handles on what an object owns are values.
static_assert(std::is_trivially_copyable_v<program> && sizeof(program) == sizeof(void*));
static_assert(std::is_trivially_copyable_v<object_map> && sizeof(object_map) == sizeof(void*));

// Nor does another map come in through what all maps have in common, and no map leaves its class but by release().
template <class Map>
concept only_for_its_like =
    !std::is_convertible_v<Map&, map_handle&> && !std::is_convertible_v<Map const&, map_handle const&> &&
    !std::is_convertible_v<Map*, map_handle*> && !std::is_constructible_v<map_handle, Map> &&
    !std::is_assignable_v<map_handle&, Map> && !std::is_assignable_v<Map&, map_handle> &&
    !requires(std::error_code& ec) { Map::adopt(unique_fd(), ec); } && requires(Map map) {
      { map.release() } -> std::same_as<unique_fd>;
      { Map::from_fd(map.release()) } -> std::same_as<Map>;
    };
static_assert(only_for_its_like<hash<int, int>> && only_for_its_like<percpu_hash<int, int>> &&
              only_for_its_like<array<int, mmapable>>);
static_assert(only_for_its_like<queue<int>> && only_for_its_like<bloom_filter<int>> && only_for_its_like<ringbuf<int>>);
static_assert(only_for_its_like<hash_of_maps<int, hash<int, int>>> && only_for_its_like<prog_array> &&
              only_for_its_like<arena>);
static_assert(only_for_its_like<perf_event_array<>> && only_for_its_like<task_storage<int>>);
static_assert(only_for_its_like<stack_trace<>> && only_for_its_like<striped_array<std::uint64_t>>);

// No size but that of what is owned.
static_assert(sizeof(unique_fd) == sizeof(int));
static_assert(sizeof(detail::mapping) == 2 * sizeof(void*) && sizeof(detail::buffer) == 2 * sizeof(void*));
static_assert(sizeof(bpfmap::link) == sizeof(void*));
static_assert(sizeof(map_handle) <= sizeof(map_info) + 8);
static_assert(sizeof(perf_event_array<>) <= sizeof(map_handle) + sizeof(void*) &&
              sizeof(prog_array) == sizeof(perf_event_array<>));
static_assert(sizeof(array<int, mmapable>) == sizeof(array<int>) + sizeof(detail::mapping) ||
              sizeof(array<int, mmapable>) == sizeof(array<int>));
static_assert(sizeof(hash<int, int>) == sizeof(lru_hash<std::uint64_t, std::array<char, 100>>));
static_assert(sizeof(hash<int, int>) <= 128, "two cache lines");
static_assert(sizeof(sys::raw_map_info) == 88);

// A descriptor, a map or an object is made from what it owns only when asked to.
static_assert(!std::is_convertible_v<int, unique_fd> && std::is_constructible_v<unique_fd, int>);
static_assert(!std::is_constructible_v<map_handle, int> && !std::is_constructible_v<hash<int, int>, int>);
static_assert(!std::is_convertible_v<bpf_link*, bpfmap::link> && !std::is_convertible_v<bpf_program*, program>);
static_assert(!std::is_convertible_v<unique_fd, bool> && !std::is_convertible_v<map_handle, bool> &&
              !std::is_convertible_v<hash<int, int>, bool> && !std::is_convertible_v<bpfmap::link, bool> &&
              !std::is_convertible_v<program, bool> && !std::is_convertible_v<object, bool>);
static_assert(std::is_constructible_v<bool, hash<int, int> const&>);

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

int some_descriptor() {
  int const fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  BOOST_TEST_REQUIRE(fd >= 0);
  return fd;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(owners)

BOOST_AUTO_TEST_CASE(a_descriptor_is_closed_once_and_by_its_last_owner) {
  int const fd = some_descriptor();
  {
    unique_fd first(fd);
    unique_fd second(std::move(first));
    BOOST_TEST(!first);
    BOOST_TEST(second.get() == fd);
    first = std::move(second);
    BOOST_TEST(is_open(fd));
    BOOST_TEST(first.get() == fd);
  }
  BOOST_TEST(!is_open(fd));
}

BOOST_AUTO_TEST_CASE(assigning_a_descriptor_closes_the_old_one) {
  int const old_fd = some_descriptor();
  int const new_fd = some_descriptor();
  unique_fd owner(old_fd);
  owner = unique_fd(new_fd);
  BOOST_TEST(!is_open(old_fd));
  BOOST_TEST(is_open(new_fd));
  auto& same = owner;
  owner = std::move(same);
  BOOST_TEST(is_open(new_fd));
}

BOOST_AUTO_TEST_CASE(a_released_descriptor_is_the_callers) {
  int const fd = some_descriptor();
  {
    unique_fd owner(fd);
    BOOST_TEST(owner.release() == fd);
  }
  BOOST_TEST_REQUIRE(is_open(fd));
  ::close(fd);
}

BOOST_AUTO_TEST_CASE(a_duplicate_is_another_descriptor_and_is_closed_on_exec) {
  unique_fd const original(some_descriptor());
  std::error_code ec = make_error(EIO);
  unique_fd const copy = unique_fd::duplicate(original.get(), ec);
  BOOST_TEST(!ec);
  BOOST_TEST(copy.get() != original.get());
  BOOST_TEST(::fcntl(copy.get(), F_GETFD) == FD_CLOEXEC);
  BOOST_TEST(!unique_fd::duplicate(-1, ec));
  BOOST_TEST(ec.value() == EBADF);
}

BOOST_AUTO_TEST_CASE(closing_keeps_errno) {
  errno = ENOSPC;
  { unique_fd const closed(1 << 20); }
  BOOST_TEST(errno == ENOSPC);
}

BOOST_AUTO_TEST_CASE(what_is_empty_says_so_and_operations_on_it_are_errors) {
  hash<std::uint32_t, std::uint64_t> const map;
  BOOST_TEST(!map);
  BOOST_TEST(map.fd() == -1);
  BOOST_TEST(map.name().empty());
  BOOST_TEST(map.max_size() == 0U);
  BOOST_TEST(map.description() == "an empty map object");
  std::error_code ec;
  BOOST_TEST(!map.find(1, ec));
  BOOST_TEST(ec.value() == EBADF);
  ec.clear();
  BOOST_TEST(map.size(ec) == 0U);
  BOOST_TEST(ec.value() == EBADF);
  ec.clear();
  static_cast<void>(map.clone(ec));
  BOOST_TEST(ec.value() == EBADF);
  percpu_array<std::uint64_t> const slots;
  BOOST_TEST(!slots.find(0, ec));
  BOOST_TEST(ec.value() == EBADF);
}

BOOST_AUTO_TEST_CASE(an_unmapped_array_object_has_no_elements_in_memory) {
  array<std::uint64_t, mmapable> map;
  BOOST_TEST(map.span().empty());
  BOOST_TEST(map.cells().empty());
  array<std::uint32_t, mmapable_read_only> const shown;
  BOOST_TEST(shown.cells().empty());
}

BOOST_AUTO_TEST_CASE(a_buffer_is_aligned_and_empty_if_there_is_not_so_much_memory) {
  detail::buffer const some = detail::buffer::allocate(100);
  BOOST_TEST(some.size() == 100U);
  BOOST_TEST(reinterpret_cast<std::uintptr_t>(some.data()) % 64 == 0U);
  detail::buffer moved;
  BOOST_TEST(moved.data() == nullptr);
}

BOOST_AUTO_TEST_CASE(a_second_loan_of_scratch_memory_is_other_memory) {
  std::byte const* kept = nullptr;
  {
    detail::scratch const first(256);
    detail::scratch const second(64);
    BOOST_TEST(first.data() != nullptr);
    BOOST_TEST(second.data() != first.data());
    kept = first.data();
  }
  detail::scratch const third(128);
  BOOST_TEST(third.data() == kept, "the first loan was given back");
}

BOOST_AUTO_TEST_SUITE_END()
