// SPDX-License-Identifier: MIT
// A machine of little: no sysfs, no BTF, a kernel that knows no batches. These stand in an executable of their own,
// because what bpfmap has found out about a machine holds for the life of the process.
#include "ring.hpp"

namespace {

using bpfmap::counting;
using fake::call;
using test::has;

[[maybe_unused]] bool const nothing_there = [] {
  fake_files::set(fake_files::possible, std::nullopt);
  fake_files::set(fake_files::online, std::nullopt);
  fake_files::set(fake_files::vmlinux, std::nullopt);
  fake_files::keep();
  return true;
}();

/// The kernel does not know BPF_MAP_LOOKUP_BATCH for maps with elements.
struct bare : test::ring {
  bare() { fake::fail(call::lookup_batch, EINVAL, fake::forever); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bare_machine, bare)

BOOST_AUTO_TEST_CASE(has_hashes_and_arrays_all_the_same) {
  auto const map = test::filled<test::flows>(5);
  auto const array = test::map_with<test::table>({});
  BOOST_TEST(map.at(3) == 4U);
  BOOST_TEST(map.for_each([](auto&&...) {}) == 5U);
  BOOST_TEST(array.at(3) == 0U);
  BOOST_TEST(array.size() == 16U);
}

BOOST_AUTO_TEST_CASE(counts_by_keys_and_loads_no_program) {
  auto const map = test::filled<test::flows>(9000, {.max_entries = 9000});
  for (int i = 0; i < 3; ++i) BOOST_TEST(map.size() == 9000U);
  BOOST_TEST(map.counted_by() == counting::key_walk);
  BOOST_TEST(fake::calls(call::program_load) == 0U);
}

BOOST_AUTO_TEST_CASE(refuses_per_cpu_maps_whose_size_it_cannot_know) {
  std::error_code ec;
  BOOST_TEST(!test::hits::create({.name = "hits", .max_entries = 4}, ec));
  BOOST_TEST(ec.value() == ENOENT);
  int const fd = fake::make_map({.type = 6});
  BOOST_TEST(!test::drops::from_fd(fd, ec));
  BOOST_TEST(ec.value() == ENOENT);
  auto const error = test::error_of([] { (void)test::hits::create({.name = "hits", .max_entries = 4}); });
  BOOST_TEST(has(error.hint, "is sysfs mounted at /sys?"), error.hint);
  BOOST_TEST(error.text.starts_with("create on 'hits' as percpu_hash: No such file or directory [ENOENT]"));
  ::close(fd);
}

BOOST_AUTO_TEST_CASE(refuses_perf_event_arrays_whose_cpus_it_cannot_know) {
  BOOST_TEST(has(test::message_of([] { (void)bpfmap::perf_event_array<>::create({.name = "events"}); }), "sysfs"));
}

BOOST_AUTO_TEST_CASE(refuses_striped_arrays_whose_cpus_it_cannot_know_and_loads_all_other_objects) {
  using striped = bpfmap::striped_array<std::uint64_t>;
  BOOST_TEST(has(test::message_of([] { (void)striped::create({.name = "counts", .max_entries = 4}); }), "sysfs"));
  int const fd = fake::make_map({.type = 2, .flags = bpfmap::map_flags::mmapable});
  auto const error = test::error_of([&] { (void)striped::from_fd(fd); });
  BOOST_TEST(error.code.value() == ENOENT);
  BOOST_TEST(has(error.hint, "is sysfs mounted at /sys?"), error.hint);
  ::close(fd);
  std::error_code ec;
  fake::set_object({.programs = {"on_open"}, .maps = {{.name = "flows"}, {.type = 2, .name = "table"}}});
  bpfmap::object::open("tool.bpf.o").load(ec);
  BOOST_TEST(!ec);
  fake::set_object({.programs = {"on_open"}, .maps = {{.type = 2, .max_entries = 0, .name = "counts", .striped = 4}}});
  bpfmap::object::open("tool.bpf.o").load(ec);
  BOOST_TEST(ec.value() == ENOENT);
  BOOST_TEST(has(test::message_of([] { bpfmap::object::open("tool.bpf.o").load(); }), "is sysfs mounted at /sys?"));
}

BOOST_AUTO_TEST_CASE(says_the_same_when_it_is_asked_again) {
  std::error_code ec;
  BOOST_TEST(bpfmap::possible_cpus(ec).empty());
  BOOST_TEST(ec.value() == ENOENT);
  // Fixed at boot: not looked for a second time.
  fake_files::set(fake_files::possible, "0-3\n");
  BOOST_TEST(bpfmap::possible_cpus(ec).empty());
  BOOST_TEST(ec.value() == ENOENT);
}

BOOST_AUTO_TEST_SUITE_END()
