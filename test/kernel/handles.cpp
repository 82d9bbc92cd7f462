// SPDX-License-Identifier: MIT
// Getting, sharing, pinning and freezing maps, and everything that can be wrong with that.
#include "../support/kernel.hpp"
#include "../support/programs.hpp"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"  // bpftool's code, not ours
#include "counters.skel.h"
#pragma GCC diagnostic pop

#include <numeric>
#include <vector>

#include <fcntl.h>

namespace ut = boost::unit_test;
using bpfmap::hash;

namespace {

using numbers = hash<std::uint32_t, std::uint64_t>;

struct watched {
  test::no_leak leaks;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(handles, watched, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(a_created_map_tells_what_it_is) {
  auto const map = numbers::create({.name = "about.me_1", .max_entries = 42, .flags = bpfmap::map_flags::no_prealloc});
  BOOST_TEST(map.name() == "about.me_1");
  BOOST_TEST(map.max_size() == 42U);
  BOOST_TEST(map.id() != 0U);
  BOOST_TEST((map.info().type == bpfmap::map_type::hash));
  BOOST_TEST(map.info().key_size == 4U);
  BOOST_TEST(map.info().value_size == 8U);
  BOOST_TEST((map.info().flags & bpfmap::map_flags::no_prealloc) != 0U);
  BOOST_TEST(map.memory_usage() > 0U);
  BOOST_TEST((::fcntl(map.fd(), F_GETFD) & FD_CLOEXEC) != 0);
}

BOOST_AUTO_TEST_CASE(all_ways_to_a_map_lead_to_the_same_one) {
  auto const map = numbers::create({.name = "same", .max_entries = 4});
  map.insert_or_assign(1, 10);
  auto const by_fd = numbers::from_fd(map.fd());
  auto const by_id = numbers::from_id(map.id());
  auto const copy = map.clone();
  for (numbers const* each : {&by_fd, &by_id, &copy}) {
    BOOST_TEST(each->id() == map.id());
    BOOST_TEST(each->fd() != map.fd());
    BOOST_TEST(each->at(1) == 10U);
    BOOST_TEST((::fcntl(each->fd(), F_GETFD) & FD_CLOEXEC) != 0);
  }
  auto const any = bpfmap::map_handle::from_fd(map.fd());
  BOOST_TEST((any.info().type == bpfmap::map_type::hash));
}

BOOST_AUTO_TEST_CASE(a_skeletons_map_outlives_the_skeleton) {
  bpfmap::percpu_hash<std::uint32_t, std::uint64_t> hits;
  BOOST_TEST(!hits);
  {
    counters_bpf* const skeleton = counters_bpf::open_and_load();
    BOOST_REQUIRE(skeleton != nullptr);
    hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>::bind(skeleton->maps.hits);
    counters_bpf::destroy(skeleton);
  }
  hits.insert_or_assign(1, 5);
  BOOST_TEST(hits.at(1) == 5U);
}

BOOST_AUTO_TEST_CASE(release_gives_the_descriptor_away) {
  auto map = numbers::create({.max_entries = 4});
  bpfmap::unique_fd const mine = map.release();
  BOOST_TEST(!map);
  std::error_code ec;
  map.insert_or_assign(1, 1, ec);
  BOOST_TEST((ec == std::errc::bad_file_descriptor));
  BOOST_TEST(!!numbers::from_fd(mine.get()));
}

// The programs and the memory that calls on many keys set up hold the map, too.
BOOST_AUTO_TEST_CASE(a_map_whose_descriptor_was_released_and_closed_is_gone, *ut::precondition(test::since{{5, 14}})) {
  test::no_leak const watched;
  auto map = numbers::create({.name = "released", .max_entries = 4096});
  std::vector<std::uint32_t> keys(2000);
  std::iota(keys.begin(), keys.end(), 0U);
  map.insert_or_assign(keys, std::vector<std::uint64_t>(2000, 1));
  BOOST_TEST((map.bulk_by() == bpfmap::bulk_path::in_kernel));
  std::uint32_t const id = map.id();
  { bpfmap::unique_fd const closed = map.release(); }
  auto const gone = [&] {
    std::error_code ec;
    static_cast<void>(numbers::from_id(id, ec));
    return ec == std::errc::no_such_file_or_directory;
  };
  BOOST_TEST(test::eventually(gone, true));
}

BOOST_AUTO_TEST_CASE(what_was_released_is_taken_over_and_not_duplicated) {
  test::no_leak const watched;
  auto map = numbers::create({.name = "released", .max_entries = 4});
  int const number = map.fd();
  auto again = numbers::from_fd(map.release());
  BOOST_TEST(again.fd() == number);
  again.insert_or_assign(1, 1);
  BOOST_CHECK_THROW((void)bpfmap::array<int>::from_fd(again.release()), bpfmap::error);
}

BOOST_AUTO_TEST_CASE(one_error_lists_every_difference_of_a_map_that_does_not_fit) {
  auto const map = bpfmap::array<std::uint64_t>::create({.name = "unlike", .max_entries = 4});
  using other = hash<std::uint64_t, std::array<std::uint8_t, 3>>;
  auto const message = test::message_of([&] { (void)other::from_fd(map.fd()); });
  BOOST_TEST(test::has(message, "'unlike' (array, key 4, value 8)"), message);
  BOOST_TEST(test::has(message, "type is array, expected hash"), message);
  BOOST_TEST(test::has(message, "key size is 4, expected 8"), message);
  BOOST_TEST(test::has(message, "value size is 8, expected 3"), message);
  using mapped = bpfmap::array<std::uint32_t, bpfmap::mmapable>;
  auto const flags = test::message_of([&] { (void)mapped::from_fd(map.fd()); });
  BOOST_TEST(test::has(flags, "value size is 8, expected 4; flags is none, expected also mmapable"), flags);
  std::error_code ec;
  BOOST_TEST(!other::from_fd(map.fd(), ec));
  BOOST_TEST((ec == std::errc::invalid_argument));
  BOOST_TEST(test::has(other::differences(map.info()), "type is array, expected hash"));
  BOOST_TEST(bpfmap::array<std::uint64_t>::differences(map.info()) == "");
}

BOOST_AUTO_TEST_CASE(a_per_cpu_map_does_not_pass_for_a_plain_one_nor_the_other_way) {
  auto const plain = hash<std::uint32_t, std::uint64_t>::create({.max_entries = 4});
  auto const per_cpu = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>::create({.max_entries = 4});
  using per_cpu_type = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;
  BOOST_TEST(test::has(test::message_of([&] { (void)per_cpu_type::from_fd(plain.fd()); }), "type is hash"));
  BOOST_TEST(test::has(test::message_of([&] { (void)numbers::from_fd(per_cpu.fd()); }), "type is percpu_hash"));
}

BOOST_AUTO_TEST_CASE(what_is_no_map_is_refused_with_a_reason) {
  auto const closed = test::message_of([] { (void)numbers::from_fd(9999); });
  BOOST_TEST(test::has(closed, "from_fd on fd 9999 as hash: Bad file descriptor [EBADF]"), closed);
  auto const negative = test::message_of([] { (void)numbers::from_fd(-1); });
  BOOST_TEST(test::has(negative, "EBADF"), negative);
  bpfmap::unique_fd const file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  auto const no_map = test::message_of([&] { (void)numbers::from_fd(file.get()); });
  BOOST_TEST(test::has(no_map, "the descriptor is not a BPF map's"), no_map);
  auto object = test::loaded("counters");
  auto const program = test::message_of([&] { (void)numbers::from_fd(object.program("count").fd()); });
  BOOST_TEST(test::has(program, "the descriptor is not a BPF map's"), program);
  auto const link = object.program("count").attach();
  auto const of_link = test::message_of([&] { (void)numbers::from_fd(link.fd()); });
  BOOST_TEST(test::has(of_link, "the descriptor is not a BPF map's"), of_link);
  auto const dead = test::message_of([] { (void)numbers::from_id(0x7ffffff0); });
  BOOST_TEST(test::has(dead, "from_id on id 2147483632 as hash: No such file or directory [ENOENT]"), dead);
  auto const null = test::message_of([] { (void)numbers::bind(nullptr); });
  BOOST_TEST(test::has(null, "there is no such map"), null);
  std::error_code ec;
  BOOST_TEST(!numbers::bind(nullptr, ec));
  BOOST_TEST((ec == std::errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(a_map_of_an_object_that_is_not_loaded_is_refused_with_a_reason) {
  auto const object = bpfmap::object::open(test::object_path("counters"));
  using hits_map = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;
  auto const message = test::message_of([&] { (void)object.map<hits_map>("hits"); });
  BOOST_TEST(test::has(message, "the object is not loaded"), message);
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_is_closed_behind_the_maps_back_is_an_error) {
  auto map = numbers::create({.name = "closed", .max_entries = 4});
  ::close(map.fd());
  auto const message = test::message_of([&] { (void)map.find(1); });
  BOOST_TEST(test::has(message, "find on 'closed' (hash, key 4, value 8): Bad file descriptor [EBADF]"), message);
  BOOST_CHECK_THROW(map.insert_or_assign(1, 1), bpfmap::error);
  BOOST_CHECK_THROW((void)map.begin(), bpfmap::error);
  BOOST_CHECK_THROW((void)map.clone(), bpfmap::error);
  static_cast<void>(map.release().release());  // it is nobody's any more
}

BOOST_AUTO_TEST_CASE(wrong_options_are_listed_all_at_once) {
  auto const message = test::message_of(
      [] { (void)numbers::create({.name = "bad-name", .max_entries = 0, .flags = bpfmap::map_flags::mmapable}); });
  BOOST_TEST(test::has(message, "create on 'bad-name' as hash"), message);
  BOOST_TEST(test::has(message, "at most 15 characters of A-Z a-z 0-9 _ ."), message);
  BOOST_TEST(test::has(message, "max_entries is 0"), message);
  BOOST_TEST(test::has(message, "flags that a hash does not take: mmapable"), message);
  BOOST_CHECK_THROW(numbers::create({.name = "sixteen_letters_", .max_entries = 1}), bpfmap::error);
  BOOST_TEST(numbers::create({.name = "fifteen_letters", .max_entries = 1}).name() == "fifteen_letters");
  BOOST_CHECK_THROW(numbers::create({.name = "n", .max_entries = 0}), bpfmap::error);
  BOOST_CHECK_THROW(numbers::create({.max_entries = 1, .numa_node = 4711}), bpfmap::error);
  auto const huge = test::message_of([] { (void)numbers::create({.max_entries = 0xffffffff}); });
  BOOST_TEST(test::has(huge, "larger than the kernel allows"), huge);
  std::error_code ec;
  BOOST_TEST(!numbers::create({.name = "n", .max_entries = 0}, ec));
  BOOST_TEST((ec == std::errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(a_pinned_map_is_found_again_and_unpinned) {
  test::private_bpffs const bpffs;
  BOOST_REQUIRE(bpffs.mounted());
  auto const map = numbers::create({.name = "pinned", .max_entries = 4});
  map.insert_or_assign(1, 11);
  map.pin(bpffs / "map");
  auto const again = numbers::open_pinned(bpffs / "map");
  BOOST_TEST(again.id() == map.id());
  BOOST_TEST(again.at(1) == 11U);
  auto const exists = test::message_of([&] { map.pin(bpffs / "map"); });
  BOOST_TEST(test::has(exists, "EEXIST"), exists);
  auto const other = numbers::create({.max_entries = 4});
  auto const foreign = test::message_of([&] { other.unpin(bpffs / "map"); });
  BOOST_TEST(test::has(foreign, "holds another map"), foreign);
  map.unpin(bpffs / "map");
  auto const missing = test::message_of([&] { (void)numbers::open_pinned(bpffs / "map"); });
  BOOST_TEST(test::has(missing, "ENOENT"), missing);
  BOOST_TEST(test::has(missing, "does not exist"), missing);
  BOOST_CHECK_THROW(map.unpin(bpffs / "map"), bpfmap::error);
}

BOOST_AUTO_TEST_CASE(a_pin_lives_on_without_the_object_that_made_it) {
  test::private_bpffs const bpffs;
  BOOST_REQUIRE(bpffs.mounted());
  numbers::create({.name = "orphan", .max_entries = 4}).pin(bpffs / "orphan");
  auto const found = numbers::open_pinned(bpffs / "orphan");
  BOOST_TEST(found.name() == "orphan");
  found.unpin(bpffs / "orphan");
}

BOOST_AUTO_TEST_CASE(pins_of_the_wrong_kind_and_paths_outside_bpffs_are_refused) {
  test::private_bpffs const bpffs;
  BOOST_REQUIRE(bpffs.mounted());
  auto object = test::loaded("counters");
  BOOST_REQUIRE(bpf_program__pin(object.program("count").get(), (bpffs / "program").c_str()) == 0);
  auto const program = test::message_of([&] { (void)numbers::open_pinned(bpffs / "program"); });
  BOOST_TEST(test::has(program, "not a BPF map's"), program);
  BOOST_TEST(bpf_program__unpin(object.program("count").get(), (bpffs / "program").c_str()) == 0);

  auto const array = bpfmap::array<std::uint32_t>::create({.name = "array", .max_entries = 1});
  array.pin(bpffs / "array");
  auto const wrong = test::message_of([&] { (void)numbers::open_pinned(bpffs / "array"); });
  BOOST_TEST(test::has(wrong, "type is array, expected hash"), wrong);
  array.unpin(bpffs / "array");

  auto const outside = test::message_of([&] { array.pin("/tmp/bpfmap-test-no-bpffs"); });
  BOOST_TEST(test::has(outside, "bpffs"), outside);
  BOOST_TEST(test::has(outside, "/tmp/bpfmap-test-no-bpffs"), outside);
  BOOST_TEST(::access("/tmp/bpfmap-test-no-bpffs", F_OK) != 0);
  BOOST_TEST(test::has(test::message_of([&] { array.pin(bpffs / "no/such/directory"); }),
                       "is in a directory that does not exist"));
  BOOST_TEST(test::has(test::message_of([] { (void)numbers::open_pinned("/proc/self/exe"); }),
                       "is a file, but not in a bpffs: no pinned map"));
}

// bpffs refuses to look such names up, with the errno of everything else that it refuses.
BOOST_AUTO_TEST_CASE(a_dot_in_the_name_of_a_pin_is_named_as_the_reason) {
  test::private_bpffs const bpffs;
  BOOST_REQUIRE(bpffs.mounted());
  auto const map = numbers::create({.name = "with.dot", .max_entries = 4});
  for (char const* const name : {"flows.old", ".flows", "v1.2/flows"}) {
    BOOST_TEST_CONTEXT(name) {
      auto const pinned = test::message_of([&] { map.pin(bpffs / name); });
      BOOST_TEST(test::has(pinned, "[EPERM]"), pinned);
      BOOST_TEST(test::has(pinned, "has a dot in a name"), pinned);
      auto const opened = test::message_of([&] { (void)numbers::open_pinned(bpffs / name); });
      BOOST_TEST(test::has(opened, "has a dot in a name"), opened);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_frozen_map_is_read_and_not_written) {
  auto const map = numbers::create({.name = "frozen", .max_entries = 4});
  map.insert_or_assign(1, 1);
  map.freeze();
  BOOST_TEST(map.at(1) == 1U);
  BOOST_TEST(map.size() == 1U);
  auto const message = test::message_of([&] { map.insert_or_assign(1, 2); });
  BOOST_TEST(test::has(message, "frozen"), message);
  BOOST_CHECK_THROW(map.erase(1), bpfmap::error);
  auto const twice = test::message_of([&] { map.freeze(); });
  BOOST_TEST(test::has(twice, "frozen already"), twice);
}

BOOST_AUTO_TEST_SUITE_END()
