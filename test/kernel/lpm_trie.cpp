// SPDX-License-Identifier: MIT
// Prefixes: found by longest match, written and removed exactly.
#include "../support/deny.hpp"
#include "../support/kernel.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <vector>

namespace ut = boost::unit_test;
using namespace bpfmap::literals;
using bpfmap::counting;
using bpfmap::ipv4;
using bpfmap::ipv6;
using bpfmap::lpm_key;

namespace {

using routes = bpfmap::lpm_trie<lpm_key<ipv4>, std::uint32_t>;
using routes6 = bpfmap::lpm_trie<lpm_key<ipv6>, std::uint64_t>;
using mac = std::array<std::byte, 6>;

// 2^16 different prefixes of 16 to 31 bits.
lpm_key<ipv4> numbered(std::uint32_t n) {
  return {ipv4(static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n), 0, 0), 16 + n % 16};
}

routes filled(std::uint32_t count, std::uint32_t room = 100'000) {
  auto trie = routes::create({.name = "filled", .max_entries = room});
  for (std::uint32_t i = 0; i < count; ++i) trie.insert(numbered(i), i);
  return trie;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lpm_tries, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(the_longest_matching_prefix_is_found) {
  auto const trie = routes::create({.name = "routes", .max_entries = 16});
  BOOST_TEST(!trie.find("10.1.2.3"_ip).has_value());
  BOOST_TEST(trie.insert("10.0.0.0/8"_cidr, 8));
  BOOST_TEST(trie.insert("10.1.0.0/16"_cidr, 16));
  BOOST_TEST(trie.insert("10.1.2.3/32"_cidr, 32));
  BOOST_TEST(trie.at("10.1.2.3"_ip) == 32U);
  BOOST_TEST(trie.at("10.1.2.4"_ip) == 16U);
  BOOST_TEST(trie.at("10.2.0.0"_ip) == 8U);
  BOOST_TEST(!trie.contains("11.0.0.0"_ip));
  BOOST_CHECK_THROW((void)trie.at("11.0.0.0"_ip), std::out_of_range);
  trie.insert_or_assign("0.0.0.0/0"_cidr, 1);
  BOOST_TEST(trie.at("11.0.0.0"_ip) == 1U);

  std::error_code ec = bpfmap::make_error(EIO);
  BOOST_TEST(trie.find("10.1.2.4"_ip, ec).value() == 16U);
  BOOST_TEST(!ec);
  BOOST_TEST(trie.at("10.1.2.4"_ip, ec) == 16U);
  BOOST_TEST((trie.contains("10.1.2.4"_ip, ec) && !ec));
}

// The kernel keeps host bits that another tool wrote, and finds and replaces such keys by their prefix alone.
BOOST_AUTO_TEST_CASE(prefixes_that_another_tool_wrote_with_host_bits_are_the_prefixes_that_the_kernel_sees) {
  auto const trie = routes::create({.name = "routes", .max_entries = 16});
  struct {
    std::uint32_t length;
    std::uint8_t address[4];
  } const written[] = {{24, {10, 1, 2, 3}}, {9, {10, 255, 255, 255}}, {0, {1, 2, 3, 4}}, {32, {10, 1, 2, 3}}};
  for (auto const& key : written) {
    BOOST_REQUIRE(bpf_map_update_elem(trie.fd(), &key, &key.length, BPF_ANY) == 0);
  }
  std::map<lpm_key<ipv4>, std::uint32_t> const wanted{
      {"10.1.2.0/24"_cidr, 24}, {"10.128.0.0/9"_cidr, 9}, {"0.0.0.0/0"_cidr, 0}, {"10.1.2.3/32"_cidr, 32}};
  std::error_code ec;

  std::map<lpm_key<ipv4>, std::uint32_t> copy;
  for (auto const& [key, value] : trie) copy[key] = value;
  BOOST_TEST((copy == wanted));
  copy.clear();
  for (auto const& [key, value] : trie.entries(ec)) copy[key] = value;
  BOOST_TEST((copy == wanted && !ec));
  copy.clear();
  for (auto const& key : trie.keys()) copy[key] = wanted.at(key);
  BOOST_TEST((copy == wanted));
  copy.clear();
  trie.for_each([&](lpm_key<ipv4> const& key, std::uint32_t value) { copy[key] = value; });
  BOOST_TEST((copy == wanted));

  for (auto const& [key, value] : trie) {
    BOOST_TEST(key.contains(key.address()));
    BOOST_TEST(trie.at(key) == value);
    BOOST_TEST(trie.assign(key, value + 100));
  }
  BOOST_TEST(trie.size() == wanted.size());
  BOOST_TEST(trie.at("10.1.2.9"_ip) == 124U);
}

BOOST_AUTO_TEST_CASE(bytes_of_any_length_lose_their_host_bits_too) {
  auto const trie = bpfmap::lpm_trie<lpm_key<mac>, std::uint32_t>::create({.max_entries = 4});
  std::uint8_t raw[10];
  std::uint32_t const length = 25;
  std::memcpy(raw, &length, sizeof length);
  for (std::uint8_t i = 4; i < 10; ++i) raw[i] = 0xff;
  BOOST_REQUIRE(bpf_map_update_elem(trie.fd(), raw, &length, BPF_ANY) == 0);
  constexpr auto ones = std::byte{0xff};
  for (auto const& key : trie.keys()) {
    BOOST_TEST((key == lpm_key<mac>(mac{ones, ones, ones, std::byte{0x80}}, 25)));
  }
}

BOOST_AUTO_TEST_CASE(a_prefix_finds_the_longest_that_contains_it) {
  auto const trie = routes::create({.max_entries = 16});
  trie.insert("10.0.0.0/8"_cidr, 8);
  trie.insert("10.1.2.0/24"_cidr, 24);
  BOOST_TEST(trie.at("10.1.2.0/24"_cidr) == 24U);
  BOOST_TEST(trie.at("10.1.2.128/25"_cidr) == 24U);
  BOOST_TEST(trie.at("10.1.0.0/16"_cidr) == 8U, "not what is longer than asked");
  BOOST_TEST(!trie.contains("10.0.0.0/7"_cidr));
}

BOOST_AUTO_TEST_CASE(writing_is_by_exact_prefix) {
  auto const trie = routes::create({.max_entries = 16});
  BOOST_TEST(!trie.assign("10.0.0.0/8"_cidr, 1));
  BOOST_TEST(trie.insert("10.0.0.0/8"_cidr, 2));
  BOOST_TEST(!trie.insert("10.0.0.0/8"_cidr, 3));
  BOOST_TEST(trie.at("10.0.0.0/8"_cidr) == 2U);
  BOOST_TEST(trie.assign("10.0.0.0/8"_cidr, 4));
  BOOST_TEST(!trie.assign("10.0.0.0/9"_cidr, 5));
  BOOST_TEST(trie.insert("10.0.0.0/9"_cidr, 6));
  BOOST_TEST(!trie.erase("10.0.0.0/10"_cidr));
  BOOST_TEST(trie.erase("10.0.0.0/9"_cidr));
  BOOST_TEST(trie.at("10.0.0.1"_ip) == 4U);
  BOOST_TEST(trie.erase("10.0.0.0/8"_cidr));
  BOOST_TEST(trie.empty());
}

BOOST_AUTO_TEST_CASE(host_bits_never_reach_the_kernel) {
  auto const trie = routes::create({.max_entries = 16});
  BOOST_TEST(trie.insert("10.1.2.3/8"_cidr, 1));
  BOOST_TEST(!trie.insert("10.4.5.6/8"_cidr, 2));
  for (auto const& prefix : trie.keys()) BOOST_TEST(prefix.to_string() == "10.0.0.0/8");
  BOOST_TEST(trie.size() == 1U);
}

BOOST_AUTO_TEST_CASE(ipv6_and_bytes_are_keys_too) {
  auto const trie = routes6::create({.max_entries = 16});
  trie.insert("2001:db8::/32"_cidr, 32);
  trie.insert("2001:db8:1::/48"_cidr, 48);
  BOOST_TEST(trie.at("2001:db8:1::5"_ip) == 48U);
  BOOST_TEST(trie.at("2001:db8:2::5"_ip) == 32U);

  auto const vendors = bpfmap::lpm_trie<lpm_key<mac>, std::uint16_t>::create({.max_entries = 16});
  BOOST_TEST(vendors.info().key_size == 10U);
  mac const first{std::byte{0xaa}, std::byte{0xbb}, std::byte{0xcc}, std::byte{1}, std::byte{2}, std::byte{3}};
  vendors.insert({first, 24}, 7);
  mac second = first;
  second[5] = std::byte{9};
  BOOST_TEST(vendors.at(second) == 7U);
  second[2] = std::byte{0xcd};
  BOOST_TEST(!vendors.contains(second));
}

BOOST_AUTO_TEST_CASE(a_full_trie_is_an_error_that_says_so) {
  auto const trie = filled(3, 3);
  BOOST_TEST(
      test::message_of([&] { trie.insert_or_assign("10.0.0.0/8"_cidr, 1); }) ==
      "insert_or_assign on 'filled' (lpm_trie, key 8, value 4): No space left on device [ENOSPC]: the map already "
      "holds its 3 entries");
  std::error_code ec;
  BOOST_TEST(!trie.insert("10.0.0.0/8"_cidr, 1, ec));
  BOOST_TEST((ec == std::errc::no_space_on_device));
}

BOOST_AUTO_TEST_CASE(a_full_trie_still_takes_new_values_of_old_prefixes, *ut::precondition(test::since{{6, 1}})) {
  auto const trie = filled(3, 3);
  trie.insert_or_assign(numbered(2), 22);
  BOOST_TEST(trie.at(numbered(2)) == 22U);
}

BOOST_AUTO_TEST_CASE(a_walk_gives_every_prefix_once) {
  auto const check = [] {
    auto const trie = filled(10'000);
    std::vector<bool> seen(10'000);
    for (auto const& [prefix, value] : trie) {
      BOOST_REQUIRE(value < seen.size());
      BOOST_REQUIRE((prefix == numbered(value) && !seen[value]));
      seen[value] = true;
    }
    BOOST_TEST(std::count(seen.begin(), seen.end(), true) == 10'000);
  };
  check();
  test::deny_batch const by_keys;
  check();
}

BOOST_AUTO_TEST_CASE(size_of_a_large_trie_is_the_kernels_own_count) {
  auto const trie = filled(60'000);
  BOOST_TEST(trie.size() == 60'000U);
  BOOST_TEST(trie.counted_by() == counting::kernel_field);
  BOOST_TEST(trie.erase(numbered(7)));
  auto const batches = test::calls::lookup_batch();
  BOOST_TEST(trie.size() == 59'999U);
  BOOST_TEST(test::calls::lookup_batch() == batches);
}

BOOST_AUTO_TEST_CASE(size_is_the_same_by_walking_where_programs_are_denied) {
  auto const trie = filled(60'000);
  test::deny_programs const no_programs;
  BOOST_TEST(trie.size() == 60'000U);
  BOOST_TEST(trie.counted_by() ==
             (test::running_kernel() >= bpfmap::kernel_version{5, 13} ? counting::batch_walk : counting::key_walk));
  test::deny_batch const no_batches;
  BOOST_TEST(filled(100).size() == 100U);
}

BOOST_AUTO_TEST_CASE(a_map_of_other_keys_does_not_bind) {
  auto const trie = routes6::create({.name = "v6", .max_entries = 16});
  auto const message = test::message_of([&] { (void)routes::from_fd(trie.fd()); });
  BOOST_TEST(test::has(message, "key size is 20, expected 8; value size is 8, expected 4"), message);
}

BOOST_AUTO_TEST_SUITE_END()
