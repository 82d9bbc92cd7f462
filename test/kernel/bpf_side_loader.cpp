// SPDX-License-Identifier: MIT
// What the loader does for programs that use bpfmap.bpf.h: it tells them the CPUs, and says which helper is missing.
#include "../../bpf/side.h"
#include "../support/deny.hpp"
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <array>
#include <cstring>
#include <vector>

namespace ut = boost::unit_test;
using bpfmap::object;

namespace {

constexpr int map_lookup_percpu_elem = 195;
constexpr int loop = 181;
constexpr int for_each_map_elem = 164;

using hits_map = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;
using holes_type = std::array<std::uint64_t, 128>;

struct watched {
  test::no_leak leaks;
  bpfmap::capture_libbpf_log log;  // what these cases do on purpose, libbpf complains about
  bpfmap::cpu_set online;

  watched() {
    std::error_code ec;
    online = bpfmap::online_cpus(ec);
  }
};

object opened() { return object::open(test::object_path("side_reads")); }

/// What side_read sees on the first CPU after 60 counts there and 40 on the second one, if libbpf alone has loaded it:
/// bpfmap has told it nothing.
side_view seen_after_100_counts(object& reads, bpfmap::cpu_set const& online) {
  BOOST_REQUIRE(bpf_object__load(reads.get()) == 0);
  test::run_on(reads.program("side_count"), online[0], 60);
  test::run_on(reads.program("side_count"), online[1], 40);
  test::run_on(reads.program("side_read"), online[0], 1);
  unsigned found = 0;
  auto const place = bpfmap::detail::find_global(reads.get(), "seen", found);
  BOOST_REQUIRE(found == 1U);
  std::vector<std::byte> section(bpf_map__value_size(place.map));
  std::uint32_t const key = 0;
  BOOST_REQUIRE(bpf_map_lookup_elem(bpf_map__fd(place.map), &key, section.data()) == 0);
  side_view view{};
  std::memcpy(&view, section.data() + place.offset, sizeof view);
  return view;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bpf_side_loader, watched, *ut::precondition(test::since{{5, 19}}))

BOOST_AUTO_TEST_CASE(tells_programs_which_cpus_are_possible) {
  auto reads = test::loaded("side_reads");
  std::error_code ec;
  auto const possible = bpfmap::possible_cpus(ec);
  BOOST_TEST(reads.global<std::uint32_t const>("bpfmap_cpu_ids") == possible.highest() + 1);
  auto const& holes = reads.global<holes_type const>("bpfmap_cpu_holes");
  for (std::uint32_t id = 0; id <= possible.highest(); ++id)
    BOOST_TEST((holes[id / 64] >> id % 64 & 1) == (possible.contains(id) ? 0U : 1U));
}

BOOST_AUTO_TEST_CASE(may_be_another_one_that_tells_them_nothing, *ut::precondition(test::two_cpus)) {
  auto reads = opened();
  side_view const view = seen_after_100_counts(reads, online);
  std::error_code ec;
  BOOST_TEST(view.sum == 100U);
  BOOST_TEST(view.slots == bpfmap::possible_cpus(ec).size());
}

BOOST_AUTO_TEST_CASE(ends_the_walk_over_cpus_where_it_says, *ut::precondition(test::two_cpus)) {
  auto reads = opened();
  reads.global<std::uint32_t>("bpfmap_cpu_ids") = online[1];
  side_view const view = seen_after_100_counts(reads, online);
  BOOST_TEST(view.sum == 60U);
  BOOST_TEST(view.naive == 60U);
}

BOOST_AUTO_TEST_CASE(keeps_programs_off_cpus_that_are_not_possible, *ut::precondition(test::two_cpus)) {
  auto reads = opened();
  reads.global<holes_type>("bpfmap_cpu_holes")[online[0] / 64] |= std::uint64_t{1} << online[0] % 64;
  side_view const view = seen_after_100_counts(reads, online);
  std::error_code ec;
  BOOST_TEST(view.sum == 40U);
  BOOST_TEST(view.naive == 60U);
  BOOST_TEST(view.slots == bpfmap::possible_cpus(ec).size() - 1);
}

BOOST_AUTO_TEST_CASE(says_which_helper_the_kernel_does_not_have) {
  {
    test::deny_helper const old_kernel(map_lookup_percpu_elem);
    auto reads = opened();
    auto const message = test::message_of([&] { reads.load(); });
    BOOST_TEST(test::has(message, "load on object 'side_reads': Invalid argument [EINVAL]: program 'side_read"),
               message);
    BOOST_TEST(test::has(message,
                         "calls bpf_map_lookup_percpu_elem, which this kernel does not have (Linux 5.19 does): switch "
                         "its autoload off, or call leave_out_unsupported()"),
               message);
  }
  {
    test::deny_helper const old_kernel(loop);
    auto reads = opened();
    auto const message = test::message_of([&] { reads.load(); });
    BOOST_TEST(test::has(message, "calls bpf_loop, which this kernel does not have (Linux 5.17 does)"), message);
  }
  test::deny_helper const old_kernel(for_each_map_elem);
  auto sizes = object::open(test::object_path("side_size_walk"));
  auto const message = test::message_of([&] { sizes.load(); });
  BOOST_TEST(test::has(message, "calls bpf_for_each_map_elem, which this kernel does not have (Linux 5.13 does)"),
             message);
}

BOOST_AUTO_TEST_CASE(leaves_programs_out_that_the_kernel_cannot_run_and_loads_the_others) {
  test::deny_helper const old_kernel(map_lookup_percpu_elem);
  auto reads = opened();
  BOOST_TEST(reads.leave_out_unsupported() == 4U);
  BOOST_TEST(reads.program("side_count").autoload());
  for (char const* const name : {"side_read", "side_read_parts", "side_read_odd", "side_reduce_parts"}) {
    BOOST_TEST(!reads.program(name).autoload());
  }
  BOOST_TEST(reads.leave_out_unsupported() == 0U);  // nothing is left to be left out
  reads.load();
  test::run_on(reads.program("side_count"), online[0], 3);
  BOOST_TEST(reads.map<hits_map>("hits").at(7) == 3U);
  BOOST_TEST(reads.program("side_read").fd() == -1);
}

BOOST_AUTO_TEST_CASE(leaves_alone_what_is_switched_off_already_and_what_the_user_switches_on_again) {
  test::deny_helper const old_kernel(map_lookup_percpu_elem);
  auto reads = opened();
  reads.program("side_read").set_autoload(false);
  std::error_code ec = bpfmap::make_error(EIO);
  BOOST_TEST(reads.leave_out_unsupported(ec) == 3U);
  BOOST_TEST(!ec);
  reads.program("side_read").set_autoload(true);
  BOOST_CHECK_THROW(reads.load(), bpfmap::error);
}

BOOST_AUTO_TEST_CASE(leaves_nothing_out_of_what_the_kernel_can_run) {
  auto reads = opened();
  BOOST_TEST(reads.leave_out_unsupported() == 0U);
  for (auto const program : reads.programs()) BOOST_TEST(program.autoload());
  reads.load();
  auto const late = test::message_of([&] { (void)reads.leave_out_unsupported(); });
  BOOST_TEST(test::has(late, "leave_out_unsupported on object 'side_reads'"), late);
  BOOST_TEST(test::has(late, "must be chosen before load()"), late);
  BOOST_CHECK_THROW((void)object{}.leave_out_unsupported(), bpfmap::error);
}

BOOST_AUTO_TEST_SUITE_END()
