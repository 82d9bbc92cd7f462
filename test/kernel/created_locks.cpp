// SPDX-License-Identifier: MIT
// Maps that bpfmap creates for values with a bpf_spin_lock: the kernel knows of the lock, by the BTF that create()
// makes.
#include "../support/kernel.hpp"

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

BOOST_AUTO_TEST_CASE(of_inner_maps_can_be_taken) {
  using inner = bpfmap::hash<flow, guarded>;
  auto const outer = bpfmap::hash_of_maps<std::uint32_t, inner>::create({.max_entries = 4}, {.max_entries = 8});
  outer.insert(1, inner::create({.max_entries = 8}));
  takes_its_lock(outer.at(1), flow{1, 2, 3});
}

BOOST_AUTO_TEST_SUITE_END()
