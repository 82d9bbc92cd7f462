// SPDX-License-Identifier: MIT
// Maps that bpfmap creates for values with a bpf_spin_lock: the kernel knows of the lock, by the BTF that create()
// makes.
#include "../../bpf/locks.h"
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <bpf/libbpf.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <system_error>

namespace ut = boost::unit_test;

namespace {

struct guarded {
  std::uint32_t kind;
  bpf_spin_lock lock;
  std::uint64_t a;
  std::uint64_t b;
};
struct flow {
  std::uint64_t address;
  std::uint32_t port;
  std::uint32_t protocol;
};

template <class Map, class Key>
void takes_its_lock(Map const& map, Key const& key) {
  BOOST_TEST(map.info().btf_id != 0U);
  map.insert_or_assign(key, guarded{1, {}, 2, 3});
  std::error_code ec;
  BOOST_TEST(map.assign(key, guarded{4, {}, 5, 6}, bpfmap::locked, ec));
  BOOST_TEST(!ec, ec.message());
  auto const found = map.find(key, bpfmap::locked, ec);
  BOOST_TEST(!ec, ec.message());
  BOOST_REQUIRE(found.has_value());
  BOOST_TEST((found->kind == 4U && found->a == 5U && found->b == 6U));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(created_locks, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(of_arrays_and_hashes_with_any_key_can_be_taken) {
  takes_its_lock(bpfmap::array<guarded>::create({.name = "locks", .max_entries = 4}), 0U);
  takes_its_lock(bpfmap::hash<std::uint32_t, guarded>::create({.name = "locks", .max_entries = 4}), 7U);
  takes_its_lock(bpfmap::hash<std::uint8_t, guarded>::create({.name = "locks", .max_entries = 4}), std::uint8_t{7});
  takes_its_lock(bpfmap::hash<flow, guarded>::create({.name = "locks", .max_entries = 4}), flow{1, 2, 3});
}

// Linux 6.1 refuses inner maps with locks.
BOOST_AUTO_TEST_CASE(of_inner_maps_can_be_taken, *ut::precondition(test::since{{6, 12}})) {
  using inner = bpfmap::hash<flow, guarded>;
  auto const outer = bpfmap::hash_of_maps<std::uint32_t, inner>::create({.max_entries = 4}, {.max_entries = 8});
  outer.insert(1, inner::create({.max_entries = 8}));
  takes_its_lock(outer.at(1), flow{1, 2, 3});
}

// The verifier lets programs take a lock only where the map's BTF says that there is one.
BOOST_AUTO_TEST_CASE(are_taken_by_programs) {
  auto const map = bpfmap::hash<std::uint32_t, locked_pair>::create({.name = "pairs", .max_entries = 4});
  locked_pair four{};
  four.first = 4;
  map.insert(1, four);
  auto object = bpfmap::object::open(test::object_path("locks"));
  BOOST_REQUIRE(::bpf_map__reuse_fd(object.map("pairs").get(), map.fd()) == 0);
  object.load();
  std::array<std::byte, 64> const packet{};
  BOOST_TEST(object.program("write_pair").run({.data_in = packet}).return_value == 0U);
  auto const pair = map.at(1, bpfmap::locked);
  BOOST_TEST((pair.first == 5U && pair.second == 5U));
}

BOOST_AUTO_TEST_CASE(cannot_be_mapped_and_an_error_says_so) {
  using mapped = bpfmap::array<guarded, bpfmap::mmapable>;
  auto const said = test::message_of([] { (void)mapped::create({.name = "locks", .max_entries = 4}); });
  BOOST_TEST(test::has(said, "a map with a bpf_spin_lock, timer or kptr in its value cannot be mapped"), said);
}

BOOST_AUTO_TEST_SUITE_END()
