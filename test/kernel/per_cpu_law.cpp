// SPDX-License-Identifier: MIT
// After insert_or_assign(k, v), at(k) == v: every reducer that can scatter, every per-CPU family, slots of 1 to
// 64 bytes.
#include "../support/kernel.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace ut = boost::unit_test;

namespace {

template <std::size_t N>
using bytes = std::array<std::uint8_t, N>;

template <class T>
T pattern(unsigned seed) {
  T value{};
  unsigned char raw[sizeof(T)];
  for (std::size_t i = 0; i < sizeof(T); ++i) raw[i] = static_cast<unsigned char>(seed * 37 + i * 11 + 1);
  std::memcpy(static_cast<void*>(&value), raw, sizeof value);
  return value;
}

// No checks of Boost's in here: more than a thousand instances of them would take minutes to compile.
template <class Map, class Value>
bool reads_back(Map const& map, Value const& value) {
  std::error_code ec;
  map.insert_or_assign(1, value, ec);
  return !ec && map.find(1, ec) == value && !ec;
}

template <class Slot, class Mapped>
Mapped any_value(unsigned seed) {
  if constexpr (std::is_same_v<Mapped, bpfmap::per_cpu_values<Slot>>) {
    std::error_code ec;
    bpfmap::per_cpu_values<Slot> values(bpfmap::possible_cpus(ec));
    for (Slot& slot : values) slot = pattern<Slot>(seed++);
    return values;
  } else {
    return static_cast<Mapped>(pattern<Slot>(seed));
  }
}

template <class Slot, class Reducer>
bool law_in_every_family() {
  auto const hash = bpfmap::percpu_hash<std::uint32_t, Slot, Reducer>::create({.max_entries = 8});
  auto const lru = bpfmap::lru_percpu_hash<std::uint32_t, Slot, Reducer>::create({.max_entries = 64});
  auto const array = bpfmap::percpu_array<Slot, Reducer>::create({.max_entries = 8});
  for (unsigned seed = 0; seed < 3; ++seed) {
    auto const value = any_value<Slot, typename decltype(hash)::mapped_type>(seed);
    if (!reads_back(hash, value) || !reads_back(lru, value) || !reads_back(array, value)) return false;
  }
  return true;
}

// The same for the bytes that the classes write and read. For all sizes: more than a thousand instances of the classes
// would take minutes and gigabytes to compile.
template <class Slot, class Reducer>
bool law_of_bytes_in_every_family() {
  using values = bpfmap::detail::reduced_values<Slot, Reducer>;
  using bpfmap::map_type;
  std::error_code ec;
  auto const& cpus = bpfmap::possible_cpus(ec);
  std::vector<std::byte> slots(values::element_bytes(cpus.size()));
  std::uint32_t const key = 1;
  for (map_type const type : {map_type::percpu_hash, map_type::lru_percpu_hash, map_type::percpu_array}) {
    bpfmap::unique_fd const map(
        bpf_map_create(static_cast<bpf_map_type>(type), "law", sizeof key, sizeof(Slot), 64, nullptr));
    for (unsigned seed = 0; seed < 3; ++seed) {
      auto const value = any_value<Slot, typename values::mapped_type>(seed);
      if (!values::encode(value, slots.data(), cpus)) return false;
      if (bpf_map_update_elem(map.get(), &key, slots.data(), BPF_ANY) != 0) return false;
      std::fill(slots.begin(), slots.end(), std::byte{0xa5});
      if (bpf_map_lookup_elem(map.get(), &key, slots.data()) != 0) return false;
      if (!(values::decode(slots.data(), cpus) == value)) return false;
    }
  }
  return true;
}

struct join {
  static constexpr std::uint64_t identity = 0;
  std::uint64_t operator()(std::uint64_t a, std::uint64_t b) const { return a ^ b; }
};

template <class Reducer, std::size_t... N>
void law_for_sizes(std::index_sequence<N...>) {
  std::pair<std::size_t, bool> const holds[] = {{N, law_of_bytes_in_every_family<bytes<N>, Reducer>()}...};
  for (auto const& [size, held] : holds) BOOST_TEST(held, "slots of " << size << " bytes");
}

template <std::size_t... N>
std::index_sequence<(N + 1)...> one_more(std::index_sequence<N...>);

template <class Reducer>
void law_for_reducer() {
  law_for_sizes<Reducer>(decltype(one_more(std::make_index_sequence<64>{})){});
  BOOST_TEST((law_in_every_family<std::uint8_t, Reducer>()));
  BOOST_TEST((law_in_every_family<std::int16_t, Reducer>()));
  BOOST_TEST((law_in_every_family<std::uint32_t, Reducer>()));
  BOOST_TEST((law_in_every_family<std::uint64_t, Reducer>()));
  BOOST_TEST((law_in_every_family<std::array<std::uint32_t, 3>, Reducer>()));
}

struct mixed {
  std::uint64_t packets;
  std::uint32_t drops[3];
  std::int16_t balance;
  friend bool operator==(mixed const&, mixed const&) = default;
};

struct call_counts {
  std::uint64_t count;
  std::uint32_t errors;
  char comm[16];
  friend bool operator==(call_counts const&, call_counts const&) = default;
};
using of_calls =
    bpfmap::reduce::members<bpfmap::reduce::by<bpfmap::reduce::sum, &call_counts::count, &call_counts::errors>,
                            bpfmap::reduce::by<bpfmap::reduce::any, &call_counts::comm>>;

}  // namespace

BOOST_AUTO_TEST_SUITE(per_cpu_law, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(a_sum_reads_back_for_slots_of_1_to_64_bytes) { law_for_reducer<bpfmap::reduce::sum>(); }
BOOST_AUTO_TEST_CASE(a_minimum_reads_back_for_slots_of_1_to_64_bytes) { law_for_reducer<bpfmap::reduce::min>(); }
BOOST_AUTO_TEST_CASE(a_maximum_reads_back_for_slots_of_1_to_64_bytes) { law_for_reducer<bpfmap::reduce::max>(); }
BOOST_AUTO_TEST_CASE(a_mean_reads_back_for_slots_of_1_to_64_bytes) { law_for_reducer<bpfmap::reduce::mean>(); }
BOOST_AUTO_TEST_CASE(ored_bits_read_back_for_slots_of_1_to_64_bytes) { law_for_reducer<bpfmap::reduce::bit_or>(); }
BOOST_AUTO_TEST_CASE(anded_bits_read_back_for_slots_of_1_to_64_bytes) { law_for_reducer<bpfmap::reduce::bit_and>(); }
BOOST_AUTO_TEST_CASE(any_reads_back_for_slots_of_1_to_64_bytes) { law_for_reducer<bpfmap::reduce::any>(); }
BOOST_AUTO_TEST_CASE(slots_read_back_for_slots_of_1_to_64_bytes) { law_for_reducer<bpfmap::reduce::slots>(); }

BOOST_AUTO_TEST_CASE(a_merge_with_an_identity_reads_back) {
  BOOST_TEST((law_in_every_family<std::uint64_t, bpfmap::reduce::merge<join>>()));
}

BOOST_AUTO_TEST_CASE(structs_read_back_member_by_member) {
  auto const map = bpfmap::percpu_array<mixed>::create({.max_entries = 2});
  mixed const value{1ULL << 60, {1, 2, 0xffffffff}, -5};
  BOOST_TEST(reads_back(map, value));
}

BOOST_AUTO_TEST_CASE(structs_with_a_name_read_back_each_member_by_its_own_reducer) {
  call_counts const values[] = {{1ULL << 60, 7, "bash"}, {0, 0, "fifteen letters"}, {1, 0xffffffff, ""}, {}};
  auto const array = bpfmap::percpu_array<call_counts, of_calls>::create({.max_entries = 2});
  auto const hash = bpfmap::percpu_hash<std::uint32_t, call_counts, of_calls>::create({.max_entries = 2});
  auto const striped = bpfmap::striped_array<call_counts, of_calls>::create({.max_entries = 2});
  for (call_counts const& value : values) {
    BOOST_TEST(reads_back(array, value));
    BOOST_TEST(reads_back(hash, value));
    BOOST_TEST(reads_back(striped, value));
  }
}

BOOST_AUTO_TEST_CASE(a_name_that_a_program_writes_on_every_cpu_is_read_as_it_is) {
  auto const slots = bpfmap::percpu_hash<std::uint32_t, call_counts, bpfmap::reduce::slots>::create({.max_entries = 8});
  std::error_code ec;
  bpfmap::per_cpu_values<call_counts> written(bpfmap::possible_cpus(ec));
  for (call_counts& each : written) each = {1, 2, "bash"};
  slots.insert_or_assign(7, written);
  auto const reduced = bpfmap::percpu_hash<std::uint32_t, call_counts, of_calls>::from_fd(slots.fd());
  auto const cpus = static_cast<std::uint32_t>(written.size());
  BOOST_TEST((reduced.at(7) == call_counts{cpus, 2 * cpus, "bash"}));
}

BOOST_AUTO_TEST_CASE(a_narrow_counter_holds_more_than_one_slot_can) {
  auto const map = bpfmap::percpu_array<std::uint8_t>::create({.max_entries = 2});
  std::error_code ec;
  std::uint64_t const most = 255 * bpfmap::possible_cpus(ec).size();
  BOOST_TEST(reads_back(map, most));
  map.insert_or_assign(0, most + 1, ec);
  BOOST_TEST((ec == std::errc::result_out_of_range));
  BOOST_TEST(test::has(test::message_of([&] { map.insert_or_assign(0, most + 1); }), "no set of per-CPU slots"));
}

BOOST_AUTO_TEST_CASE(the_kernel_oversteps_no_buffer_of_exactly_the_size_that_bpfmap_asks_for) {
  // What bpfmap takes for one element, with guards around it that the kernel must leave alone.
  std::error_code ec;
  auto const& cpus = bpfmap::possible_cpus(ec);
  auto const check = [&]<std::size_t N>(std::integral_constant<std::size_t, N>) {
    bpfmap::unique_fd const map(bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "law", 4, N, 1, nullptr));
    std::size_t const size = bpfmap::detail::reduced_values<bytes<N>, bpfmap::reduce::sum>::element_bytes(cpus.size());
    std::vector<std::uint8_t> room(size + 128, 0xa5);
    std::uint32_t const key = 0;
    bool guarded = bpf_map_lookup_elem(map.get(), &key, room.data() + 64) == 0;
    for (std::size_t i = 0; i < 64; ++i) guarded = guarded && room[i] == 0xa5 && room[64 + size + i] == 0xa5;
    for (std::size_t i = 0; i < size; ++i) guarded = guarded && room[64 + i] == 0;  // and it fills all of it
    return guarded;
  };
  [&]<std::size_t... N>(std::index_sequence<N...>) {
    bool const guarded[] = {check(std::integral_constant<std::size_t, N + 1>{})...};
    for (std::size_t i = 0; i < sizeof...(N); ++i) BOOST_TEST(guarded[i], "slots of " << i + 1 << " bytes");
  }(std::make_index_sequence<64>{});
}

BOOST_AUTO_TEST_SUITE_END()
