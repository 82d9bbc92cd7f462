// SPDX-License-Identifier: MIT
// Objects without a map (default-constructed, moved from, released, or what a failed call gave) answer EBADF to
// everything, and touch nothing.
#include "ring.hpp"

#include <cstdlib>
#include <filesystem>
#include <utility>

namespace {

using test::has;

template <class F>
int number_of(F&& f) {
  return test::code_of(std::forward<F>(f)).value();
}

// Every function that all keyed maps have.
template <class Map>
void everything_is_ebadf(Map const& map) {
  BOOST_TEST(!map);
  BOOST_TEST(map.fd() == -1);
  typename Map::mapped_type const value{};
  BOOST_TEST(number_of([&](auto& ec) { (void)map.find(1, ec); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) { (void)map.at(1, ec); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) { BOOST_TEST(!map.contains(1, ec)); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) { BOOST_TEST(!map.assign(1, value, ec)); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) { map.insert_or_assign(1, value, ec); }) == EBADF);
  if constexpr (Map::type != bpfmap::map_type::array && Map::type != bpfmap::map_type::percpu_array) {
    BOOST_TEST(number_of([&](auto& ec) { BOOST_TEST(!map.insert(1, value, ec)); }) == EBADF);
    BOOST_TEST(number_of([&](auto& ec) { BOOST_TEST(!map.erase(1, ec)); }) == EBADF);
    BOOST_TEST(number_of([&](auto& ec) { (void)map.extract(1, ec); }) == EBADF);
  }
  BOOST_TEST(number_of([&](auto& ec) { BOOST_TEST(map.size(ec) == 0U); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) { (void)map.empty(ec); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) { BOOST_TEST(map.for_each([](auto&&...) {}, ec) == 0U); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) {
               for ([[maybe_unused]] auto&& each : map.entries(ec)) BOOST_ERROR("one");
             }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) {
               for ([[maybe_unused]] auto&& each : map.keys(ec)) BOOST_ERROR("one");
             }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) {
               for ([[maybe_unused]] auto&& each : map.values(ec)) BOOST_ERROR("one");
             }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) { (void)map.clone(ec); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) { map.freeze(ec); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) { (void)map.memory_usage(ec); }) == EBADF);
  BOOST_TEST(
      has(test::message_of([&] { (void)map.find(1); }), "find on an empty map object: Bad file descriptor [EBADF]"));
  BOOST_TEST(has(test::message_of([&] { (void)map.begin(); }), "[EBADF]"));
  BOOST_TEST(has(test::message_of([&] { (void)map.size(); }), "size on an empty map object"));
}

template <class Map>
void stays_empty() {
  BOOST_TEST_CONTEXT("default-constructed " << to_string(Map::type)) { everything_is_ebadf(Map{}); }
  auto map = test::map_with<Map>({});
  (void)map.size();
  auto const moved = std::move(map);
  BOOST_TEST_CONTEXT("moved-from " << to_string(Map::type)) {
    everything_is_ebadf(map);  // NOLINT(bugprone-use-after-move): that is the question
    BOOST_TEST(map.description() == "an empty map object");
  }
  BOOST_TEST(moved.size() == (moved.counted_by() == bpfmap::counting::constant ? 16U : 0U));
  auto released = moved.clone();
  { bpfmap::unique_fd const closed = released.release(); }
  BOOST_TEST_CONTEXT("released " << to_string(Map::type)) { everything_is_ebadf(released); }
  std::error_code ec;
  auto const failed = Map::from_fd(-1, ec);
  BOOST_TEST_CONTEXT("failed " << to_string(Map::type)) { everything_is_ebadf(failed); }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(empty_maps, test::ring)

BOOST_AUTO_TEST_CASE(of_hashes_answer_ebadf_to_everything) { stays_empty<test::flows>(); }
BOOST_AUTO_TEST_CASE(of_per_cpu_hashes_answer_ebadf_to_everything) { stays_empty<test::hits>(); }
BOOST_AUTO_TEST_CASE(of_arrays_answer_ebadf_to_everything) { stays_empty<test::table>(); }
BOOST_AUTO_TEST_CASE(of_per_cpu_arrays_answer_ebadf_to_everything) { stays_empty<test::drops>(); }

BOOST_AUTO_TEST_CASE(say_of_themselves_what_a_new_object_says) {
  auto map = test::map_with<test::flows>({});
  auto const moved = std::move(map);
  test::flows const fresh;
  BOOST_TEST(map.id() == fresh.id());  // NOLINT(bugprone-use-after-move)
  BOOST_TEST(map.name() == fresh.name());
  BOOST_TEST(map.max_size() == fresh.max_size());
}

// The kernel's own answer to pinning no descriptor is EINVAL, which would say that the path is wrong.
BOOST_AUTO_TEST_CASE(answer_ebadf_to_being_pinned) {
  test::flows const none;
  BOOST_TEST(number_of([&](auto& ec) { none.pin("/no/such/path", ec); }) == EBADF);
}

BOOST_AUTO_TEST_CASE(answer_ebadf_to_being_unpinned_whatever_is_at_the_path) {
  test::flows const none;
  BOOST_TEST(number_of([&](auto& ec) { none.unpin("/no/such/path", ec); }) == EBADF);
}

BOOST_AUTO_TEST_CASE(do_not_remove_the_pin_of_the_map_that_was_moved_away) {
  auto const path =
      (std::filesystem::temp_directory_path() / ("bpfmap-fake-pin-" + std::to_string(::getpid()))).string();
  auto map = test::filled<test::flows>(1);
  map.pin(path);
  auto const moved = std::move(map);
  std::error_code ec;
  map.unpin(path, ec);  // NOLINT(bugprone-use-after-move)
  BOOST_TEST(ec.value() == EBADF);
  BOOST_TEST(std::filesystem::exists(path));
  std::filesystem::remove(path);
}

BOOST_AUTO_TEST_CASE(never_touch_a_descriptor_that_has_been_used_again) {
  auto const other = test::filled<test::flows>(1);
  auto map = test::filled<test::flows>(1);
  int const number = map.fd();
  { auto const gone = std::move(map); }
  BOOST_TEST(::dup2(other.fd(), number) == number);
  std::error_code ec;
  map.insert_or_assign(7, 7, ec);  // NOLINT(bugprone-use-after-move)
  BOOST_TEST(ec.value() == EBADF);
  BOOST_TEST(!other.contains(7));
  ::close(number);
}

BOOST_AUTO_TEST_CASE(survive_being_assigned_to_themselves) {
  auto map = test::filled<test::hits>(2);
  auto& same = map;
  map = std::move(same);
  BOOST_TEST(map.at(1) == 2U);
  BOOST_TEST(map.size() == 2U);
}

using mapped = bpfmap::array<std::uint64_t, bpfmap::mmapable>;

BOOST_AUTO_TEST_CASE(of_mapped_arrays_show_no_memory) {
  auto const made = fake::shape{.max_entries = 4, .flags = bpfmap::map_flags::mmapable};
  auto map = test::map_with<mapped>(made);
  map[3] = 9;
  auto moved = std::move(map);
  BOOST_TEST(map.span().empty());  // NOLINT(bugprone-use-after-move)
  BOOST_TEST(map.cells().empty());
  BOOST_TEST(moved.span().size() == 4U);
  BOOST_TEST(moved.at(3) == 9U);
}

// The memory of the map that was assigned to is gone, or at least out of reach: it is smaller than the other's.
BOOST_AUTO_TEST_CASE(of_mapped_arrays_show_no_memory_after_an_assignment_either) {
  auto small = test::map_with<mapped>({.max_entries = 4, .flags = bpfmap::map_flags::mmapable});
  auto large = test::map_with<mapped>({.max_entries = 100000, .flags = bpfmap::map_flags::mmapable});
  small = std::move(large);
  BOOST_TEST(small.span().size() == 100000U);
  BOOST_TEST(large.span().empty(), "a moved-from array shows " << large.span().size()
                                                               << " elements of memory that it "
                                                                  "does not have");  // NOLINT(bugprone-use-after-move)
}

BOOST_AUTO_TEST_CASE(of_perf_event_arrays_answer_ebadf) {
  bpfmap::perf_event_array<> const none;
  BOOST_TEST(number_of([&](auto& ec) { (void)none.clone(ec); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) {
               (void)bpfmap::perf_reader<std::uint64_t>::open(none, bpfmap::perf_options{}, ec);
             }) == EBADF);
}

BOOST_AUTO_TEST_CASE(of_perf_event_arrays_do_not_say_which_cpus_they_leave_out) {
  bpfmap::perf_event_array<> const none;
  BOOST_TEST(number_of([&](auto& ec) { (void)none.uncovered_cpus(ec); }) == EBADF);
}

BOOST_AUTO_TEST_SUITE_END()
