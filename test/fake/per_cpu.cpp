// SPDX-License-Identifier: MIT
// Per-CPU values on a machine whose CPU ids have holes (0,2-5,8; CPU 5 is offline): sizes, padding, order, reducers.
#include "ring.hpp"

#include <array>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

namespace {

using fake::call;
using test::filled;
using test::has;
using test::hits;

constexpr std::size_t cpus = fake_files::possible_count;
constexpr std::uint32_t ids[cpus] = {0, 2, 3, 4, 5, 8};

template <std::size_t N>
using slot_of = std::array<std::uint8_t, N>;

template <std::size_t N>
slot_of<N> pattern(unsigned seed) {
  slot_of<N> slot{};
  for (std::size_t i = 0; i < N; ++i) slot[i] = static_cast<std::uint8_t>(seed * 37 + i * 11 + 1);
  return slot;
}

// What went to the kernel: all slots, each 8-rounded, with nothing but zeros between them.
bool padding_is_zero(std::size_t size) {
  std::size_t const stride = (size + 7) / 8 * 8;
  auto const given = fake::last_value();
  bool zero = given.size() == stride * cpus;
  for (std::size_t at = 0; at < given.size(); ++at) zero = zero && (at % stride < size || given[at] == std::byte{0});
  return zero;
}

void expect(bool holds, char const* what, std::size_t size) { BOOST_TEST(holds, what << " with slots of " << size); }

template <class Map, std::size_t N>
void reads_back() {
  auto const map = test::map_with<Map>({.value_size = N});
  for (unsigned seed = 0; seed < 3; ++seed) {
    auto const value = pattern<N>(seed);
    map.insert_or_assign(1, value);
    expect(padding_is_zero(N), "padding of insert_or_assign", N);
    expect(map.at(1) == value, "at", N);
    expect(map.find(1) == value, "find", N);
    map.for_each([&](std::uint32_t key, auto const& v) { expect(key != 1 || v == value, "for_each", N); });
    expect(map.assign(1, value) && padding_is_zero(N), "padding of assign", N);
  }
}

template <class Reducer, std::size_t... N>
void hashes_read_back(std::index_sequence<N...>) {
  (reads_back<bpfmap::percpu_hash<std::uint32_t, slot_of<N>, Reducer>, N>(), ...);
}
template <class Reducer, std::size_t... N>
void arrays_read_back(std::index_sequence<N...>) {
  (reads_back<bpfmap::percpu_array<slot_of<N>, Reducer>, N>(), ...);
}

template <std::size_t... I>
std::index_sequence<I + 1 ...> from_one(std::index_sequence<I...>);
using one_to_64 = decltype(from_one(std::make_index_sequence<64>{}));
using some_sizes = std::index_sequence<1, 3, 4, 7, 8, 9, 12, 15, 16, 17, 20, 31, 33, 63, 64>;

// Slots as programs have left them: CPU id times ten.
template <class Map>
Map with_slots(std::uint32_t key) {
  auto map = test::map_with<Map>({});
  std::array<std::uint64_t, cpus> slots{};
  for (std::size_t i = 0; i < cpus; ++i) slots[i] = ids[i] * 10;
  fake::put(map.fd(), &key, slots.data());
  return map;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(per_cpu, test::ring)

BOOST_AUTO_TEST_CASE(slots_of_1_to_64_bytes_read_back_and_their_padding_is_zero) {
  hashes_read_back<bpfmap::reduce::sum>(one_to_64{});
}
BOOST_AUTO_TEST_CASE(slots_of_an_array_read_back_and_their_padding_is_zero) {
  arrays_read_back<bpfmap::reduce::sum>(some_sizes{});
}
BOOST_AUTO_TEST_CASE(slots_that_are_all_set_read_back_and_their_padding_is_zero) {
  hashes_read_back<bpfmap::reduce::max>(some_sizes{});
}

BOOST_AUTO_TEST_CASE(slots_of_the_largest_size_read_back) {
  reads_back<bpfmap::percpu_hash<std::uint32_t, slot_of<32768>>, 32768>();
  reads_back<bpfmap::percpu_hash<std::uint32_t, slot_of<32761>>, 32761>();
}

BOOST_AUTO_TEST_CASE(slots_belong_to_the_possible_cpus_in_the_order_of_their_ids) {
  using map_type = bpfmap::percpu_hash<std::uint32_t, std::uint64_t, bpfmap::reduce::slots>;
  auto const values = with_slots<map_type>(7).at(7);
  BOOST_TEST(values.size() == cpus);
  for (std::uint32_t const id : ids) BOOST_TEST(values[bpfmap::cpu{id}] == id * 10);
  BOOST_TEST(!values.contains(bpfmap::cpu{1}));
  BOOST_TEST(!values.contains(bpfmap::cpu{7}));
  BOOST_TEST(values.contains(bpfmap::cpu{5}));  // offline, and counted
}

BOOST_AUTO_TEST_CASE(every_way_to_read_gives_the_sum_over_all_cpus) {
  auto const map = with_slots<hits>(7);
  constexpr std::uint64_t total = (0 + 2 + 3 + 4 + 5 + 8) * 10;
  std::error_code ec;
  BOOST_TEST(map.at(7) == total);
  BOOST_TEST(map.at(7, ec) == total);
  BOOST_TEST(map.find(7).value() == total);
  for (auto const& entry : map) BOOST_TEST(entry.second == total);
  for (auto const value : map.values()) BOOST_TEST(value == total);
  BOOST_TEST(map.extract(7).value() == total);
  BOOST_TEST(!map.contains(7));
}

BOOST_AUTO_TEST_CASE(a_sum_is_written_so_that_it_reads_back) {
  auto const map = with_slots<hits>(7);
  map.insert_or_assign(7, 1000);
  BOOST_TEST(map.at(7) == 1000U);
  BOOST_TEST(map.insert(8, 5));
  BOOST_TEST(map.at(8) == 5U);
}

BOOST_AUTO_TEST_CASE(a_value_that_no_slots_reduce_to_is_erange_and_reaches_no_kernel) {
  auto const map = test::map_with<bpfmap::percpu_hash<std::uint32_t, std::uint8_t>>({.value_size = 1});
  map.insert_or_assign(1, 255 * cpus);
  BOOST_TEST(map.at(1) == 255 * cpus);
  auto const updates = fake::calls(call::update);
  auto const is_erange = [&](auto&& write) { BOOST_TEST(test::code_of(write).value() == ERANGE); };
  is_erange([&](auto& ec) { map.insert_or_assign(1, 255 * cpus + 1, ec); });
  is_erange([&](auto& ec) { BOOST_TEST(!map.insert(2, 255 * cpus + 1, ec)); });
  is_erange([&](auto& ec) { BOOST_TEST(!map.assign(1, 255 * cpus + 1, ec)); });
  auto const error = test::error_of([&] { map.insert_or_assign(1, 255 * cpus + 1); });
  BOOST_TEST(has(error.text, "[ERANGE]: no set of per-CPU slots reduces to this value"));
  BOOST_TEST(fake::calls(call::update) == updates);
  BOOST_TEST(map.at(1) == 255 * cpus);
}

BOOST_AUTO_TEST_CASE(values_of_other_cpus_than_the_machines_are_erange) {
  using map_type = bpfmap::percpu_array<std::uint64_t, bpfmap::reduce::slots>;
  auto const map = test::map_with<map_type>({});
  std::error_code ec;
  bpfmap::per_cpu_values<std::uint64_t> const other(bpfmap::cpu_set::parse("0-5", ec));
  map.insert_or_assign(1, other, ec);
  BOOST_TEST(ec.value() == ERANGE);
  bpfmap::per_cpu_values<std::uint64_t> own(bpfmap::possible_cpus(ec));
  own[bpfmap::cpu{8}] = 5;
  map.insert_or_assign(1, own, ec);
  BOOST_TEST(!ec);
  BOOST_TEST((map.at(1) == own));
}

BOOST_AUTO_TEST_CASE(memory_that_is_not_to_be_had_is_enomem) {
  auto const map = test::map_with<bpfmap::percpu_hash<std::uint32_t, slot_of<4096>>>({.value_size = 4096});
  int found = 0;
  int stored = 0;
  int later = -1;
  // A thread of its own, which has not borrowed any room yet.
  std::thread([&] {
    std::error_code ec;
    {
      heap::limit const little(1000);
      (void)map.find(1, ec);
      found = ec.value();
      map.insert_or_assign(1, {}, ec);
      stored = ec.value();
    }
    map.insert_or_assign(1, {}, ec);
    later = ec.value();
  }).join();
  BOOST_TEST(found == ENOMEM);
  BOOST_TEST(stored == ENOMEM);
  BOOST_TEST(later == 0);
}

BOOST_AUTO_TEST_SUITE_END()
