// SPDX-License-Identifier: MIT
// Striped arrays on a machine whose CPU ids have holes (0,2-5,8; CPU 5 is offline): nine stripes, six of which count.
#include "ring.hpp"

#include <array>
#include <cstring>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>

namespace {

using bpfmap::cpu;
using bpfmap::striped_array;
using fake::call;
using test::has;
namespace reduce = bpfmap::reduce;

constexpr std::uint32_t ids[] = {0, 2, 3, 4, 5, 8};
constexpr std::uint32_t stripes = 9;

using counts = striped_array<std::uint64_t>;
using all_counts = striped_array<std::uint64_t, reduce::slots>;

/// An array of so many elements of the kernel's, as programs see it.
fake::shape array_of(std::uint32_t elements, std::uint32_t bytes = 8) {
  return {
      .type = 2, .value_size = bytes, .max_entries = elements, .flags = bpfmap::map_flags::mmapable, .name = "counts"};
}

/// What a program on `id` does: it writes the element that bpfmap.bpf.h computes.
template <class Map>
void write(Map const& map, std::uint32_t stride, std::uint32_t id, std::uint32_t index, void const* slot) {
  std::uint32_t const element = id * stride + index;
  fake::put(map.fd(), &element, slot);
}

// Ten indices, hence two lines of eight counters for each CPU.
constexpr std::uint32_t ten_counters = 8 * 16 + 10;

counts counted() {
  auto map = test::map_with<counts>(array_of(ten_counters));
  for (std::uint32_t const id : ids) {
    for (std::uint64_t index = 0; index < 10; ++index) {
      std::uint64_t const count = index * 1000 + id;
      write(map, 16, id, static_cast<std::uint32_t>(index), &count);
    }
  }
  return map;
}
constexpr std::uint64_t sum_of_ids = 0 + 2 + 3 + 4 + 5 + 8;
constexpr std::uint64_t sum_at(std::uint64_t index) { return index * 6000 + sum_of_ids; }

template <class F>
int number_of(F&& f) {
  return test::code_of(std::forward<F>(f)).value();
}

template <std::size_t N>
using slot_of = std::array<std::uint8_t, N>;

template <std::size_t N, class Reducer>
void reads_back() {
  using map_type = striped_array<slot_of<N>, Reducer>;
  auto const map = map_type::create({.name = "slots", .max_entries = 5});
  BOOST_TEST(map.size() == 5U);
  std::vector<slot_of<N>> expected(5);
  for (std::uint32_t index = 0; index < 5; ++index) {
    std::iota(expected[index].begin(), expected[index].end(), static_cast<std::uint8_t>(index * 50 + 1));
    map.insert_or_assign(index, expected[index]);
  }
  for (std::uint32_t index = 0; index < 5; ++index) BOOST_TEST((map.at(index) == expected[index]), N << " bytes");
  BOOST_TEST((map.reduce_all() == expected), N << " bytes");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(striped_arrays, test::ring)

BOOST_AUTO_TEST_CASE(are_created_with_a_padded_stripe_for_every_cpu_id) {
  auto const map = counts::create({.name = "counts", .max_entries = 10});
  BOOST_TEST(fake::last_created().max_entries == ten_counters);
  BOOST_TEST(fake::last_created().flags == bpfmap::map_flags::mmapable);
  BOOST_TEST(map.size() == 10U);
  BOOST_TEST(map.max_size() == 10U);
  BOOST_TEST(map.info().max_entries == ten_counters);
  BOOST_TEST(map.counted_by() == bpfmap::counting::constant);
  BOOST_TEST(!map.empty());
}

BOOST_AUTO_TEST_CASE(sum_the_slots_that_programs_have_written_on_every_possible_cpu) {
  auto const map = counted();
  std::size_t const calls_before = fake::calls(call::lookup) + fake::calls(call::lookup_batch);
  BOOST_TEST(map.at(3) == sum_at(3));
  BOOST_TEST(map.find(9).value() == sum_at(9));
  std::vector<std::uint64_t> expected(10);
  for (std::uint64_t index = 0; index < 10; ++index) expected[index] = sum_at(index);
  BOOST_TEST(map.reduce_all() == expected, boost::test_tools::per_element());
  std::vector<std::uint64_t> seen;
  for (auto const& [index, value] : map) {
    BOOST_TEST(index == seen.size());
    seen.push_back(value);
  }
  BOOST_TEST(seen == expected, boost::test_tools::per_element());
  seen.clear();
  for (std::uint64_t const value : map.values()) seen.push_back(value);
  BOOST_TEST(seen == expected, boost::test_tools::per_element());
  std::uint32_t next = 0;
  for (std::uint32_t const index : map.keys()) BOOST_TEST(index == next++);
  BOOST_TEST(next == 10U);
  BOOST_TEST(map.for_each([&](std::uint32_t index, std::uint64_t value) { BOOST_TEST(value == sum_at(index)); }) ==
             10U);
  BOOST_TEST(map.for_each([](std::uint32_t index, std::uint64_t) { return index < 3; }) == 4U);
  BOOST_TEST(fake::calls(call::lookup) + fake::calls(call::lookup_batch) == calls_before, "without a system call");
}

BOOST_AUTO_TEST_CASE(do_not_count_stripes_of_cpus_that_are_not_possible) {
  auto const map = counted();
  std::uint64_t const stray = 1'000'000;
  for (std::uint32_t const hole : {1U, 6U, 7U}) write(map, 16, hole, 3, &stray);
  BOOST_TEST(map.at(3) == sum_at(3));
  BOOST_TEST(map.reduce_all()[3] == sum_at(3));
}

BOOST_AUTO_TEST_CASE(give_totals_to_as_many_as_there_is_room_for) {
  auto const map = counted();
  std::vector<std::uint64_t> out(12, 77);
  BOOST_TEST(map.totals(std::span(out).first(4)) == 4U);
  BOOST_TEST(out[3] == sum_at(3));
  BOOST_TEST(out[4] == 77U);
  BOOST_TEST(map.totals(out) == 10U);
  BOOST_TEST(out[9] == sum_at(9));
  BOOST_TEST(out[10] == 77U);
  BOOST_TEST(map.totals({}) == 0U);
}

BOOST_AUTO_TEST_CASE(of_many_indices_are_right_in_every_block_and_line) {
  constexpr std::uint32_t entries = 1501;  // more than two blocks, and no whole line at the end
  constexpr std::uint32_t stride = 1504;
  auto const map = test::map_with<counts>(array_of(8 * stride + entries));
  BOOST_TEST(map.size() == entries);
  for (std::uint32_t index = 0; index < entries; ++index) {
    for (std::uint32_t const id : ids) {
      std::uint64_t const count = std::uint64_t{index} * index + id;
      write(map, stride, id, index, &count);
    }
  }
  auto const totals = map.reduce_all();
  BOOST_TEST(totals.size() == entries);
  for (std::uint64_t index = 0; index < entries; ++index) BOOST_TEST(totals[index] == 6 * index * index + sum_of_ids);
}

BOOST_AUTO_TEST_CASE(see_each_write_at_once) {
  auto const map = counted();
  for (std::uint64_t count = 1; count < 100; ++count) {
    write(map, 16, 8, 0, &count);
    BOOST_TEST(map.at(0) == sum_of_ids - 8 + count);
  }
}

BOOST_AUTO_TEST_CASE(reduce_like_per_cpu_arrays_whatever_the_reducer) {
  auto const check = [&]<class Reducer>(Reducer) {
    auto const striped = test::map_with<striped_array<std::uint64_t, Reducer>>(array_of(8 * 8 + 4));
    auto const beside = test::map_with<bpfmap::percpu_array<std::uint64_t, Reducer>>({.max_entries = 4});
    for (std::uint32_t index = 0; index < 4; ++index) {
      std::array<std::uint64_t, 6> slots{};
      for (std::size_t rank = 0; rank < 6; ++rank) {
        slots[rank] = index == 0 ? 0 : (rank * 7 + index) % 5 * 3;
        write(striped, 8, ids[rank], index, &slots[rank]);
      }
      fake::put(beside.fd(), &index, slots.data());
      BOOST_TEST(striped.at(index) == beside.at(index));
      BOOST_TEST(striped.reduce_all()[index] == beside.at(index));
    }
  };
  check(reduce::sum{});
  check(reduce::min{});
  check(reduce::max{});
  check(reduce::mean{});
  check(reduce::bit_or{});
  check(reduce::bit_and{});
}

BOOST_AUTO_TEST_CASE(show_every_cpu_its_slot) {
  auto const map = test::map_with<all_counts>(array_of(ten_counters));
  for (std::uint64_t const id : ids) {
    std::uint64_t const count = id + 100;
    write(map, 16, static_cast<std::uint32_t>(id), 7, &count);
  }
  auto const values = map.at(7);
  BOOST_TEST(values.size() == 6U);
  for (std::uint32_t const id : ids) {
    BOOST_TEST(values[cpu{id}] == id + 100);
    BOOST_TEST(map.find(7, cpu{id}).value() == id + 100);
    BOOST_TEST(map.at(7, cpu{id}) == id + 100);
  }
  BOOST_TEST(map.reduce_all().size() == 10U);
  BOOST_TEST(map.reduce_all()[7][cpu{8}] == 108U);
  BOOST_TEST(!map.find(10, cpu{8}));
  BOOST_TEST(test::error_of([&] { (void)map.find(7, cpu{1}); }).code.value() == ENODEV);
  BOOST_TEST(has(test::message_of([&] { (void)map.at(7, cpu{9}); }), "this machine has no such CPU"));
}

BOOST_AUTO_TEST_CASE(read_back_what_was_written_in_slots_of_every_size) {
  reads_back<1, reduce::sum>();
  reads_back<7, reduce::max>();
  reads_back<8, reduce::sum>();
  reads_back<11, reduce::sum>();
  reads_back<24, reduce::max>();
  reads_back<64, reduce::sum>();
  reads_back<72, reduce::sum>();
  reads_back<4096, reduce::max>();
}

BOOST_AUTO_TEST_CASE(are_written_where_programs_look) {
  auto const map = test::map_with<counts>(array_of(ten_counters));
  auto const element = [&](std::uint32_t place) {
    std::uint64_t value = 0;
    BOOST_TEST(bpf_map_lookup_elem(map.fd(), &place, &value) == 0);
    return value;
  };
  map.insert_or_assign(3, 5, cpu{4});
  BOOST_TEST(element(4 * 16 + 3) == 5U);
  map.insert_or_assign(9, 6, bpfmap::all_cpus);
  for (std::uint32_t id = 0; id < stripes; ++id) {
    bool const possible = std::ranges::find(ids, id) != std::end(ids);
    BOOST_TEST(element(id * 16 + 9) == (possible ? 6U : 0U));
  }
  BOOST_TEST(map.at(9) == 36U);
  BOOST_TEST(map.assign(9, 40));
  BOOST_TEST(map.at(9) == 40U);
  BOOST_TEST(fake::calls(call::update) == 0U);
}

BOOST_AUTO_TEST_CASE(have_nothing_beyond_their_last_index_not_even_padding) {
  auto const map = counted();
  std::uint64_t const stray = 5;
  write(map, 16, 0, 10, &stray);  // padding of CPU 0's stripe
  for (std::uint32_t const index : {10U, 16U, 137U, 138U, 0xffffffffU}) {
    BOOST_TEST(!map.find(index));
    BOOST_TEST(!map.contains(index));
    BOOST_TEST(!map.assign(index, 1));
    BOOST_CHECK_THROW((void)map.at(index), std::out_of_range);
    BOOST_CHECK_THROW((void)map.at(index, cpu{0}), std::out_of_range);
    BOOST_TEST(number_of([&](auto& ec) { (void)map.at(index, ec); }) == ENOENT);
    BOOST_TEST(number_of([&](auto& ec) { map.insert_or_assign(index, 1, ec); }) == E2BIG);
    BOOST_TEST(number_of([&](auto& ec) { map.insert_or_assign(index, 1, cpu{0}, ec); }) == E2BIG);
    BOOST_TEST(number_of([&](auto& ec) { map.insert_or_assign(index, 1, bpfmap::all_cpus, ec); }) == E2BIG);
    BOOST_TEST(number_of([&](auto& ec) { (void)map.find(index, ec); }) == 0);
  }
  BOOST_TEST(map.contains(9));
  BOOST_TEST(has(test::message_of([&] { map.insert_or_assign(10, 1); }),
                 "Argument list too long [E2BIG]: the index is out of range: the map has 10 entries"));
}

BOOST_AUTO_TEST_CASE(refuse_values_that_no_slots_reduce_to) {
  auto const map = striped_array<std::uint8_t>::create({.name = "narrow", .max_entries = 2});
  BOOST_TEST(map.assign(0, 6 * 255));
  BOOST_TEST(map.at(0) == 6 * 255U);
  BOOST_TEST(number_of([&](auto& ec) { map.assign(0, 6 * 255 + 1, ec); }) == ERANGE);
  BOOST_TEST(map.at(0) == 6 * 255U);
}

BOOST_AUTO_TEST_CASE(are_bound_only_if_all_about_them_fits) {
  auto const refusal = [](fake::shape const& made) {
    int const fd = fake::make_map(made);
    std::error_code ec;
    BOOST_TEST(!counts::from_fd(fd, ec));
    BOOST_TEST(ec.value() == EINVAL);
    auto const text = test::message_of([&] { (void)counts::from_fd(fd); });
    auto const info = bpfmap::map_handle::from_fd(fd).info();
    BOOST_TEST(counts::differences(info) != "");
    ::close(fd);
    return text;
  };
  // For nine CPU ids: 138 elements are 10 indices, and 135 of another machine's none.
  BOOST_TEST(has(refusal(array_of(135)), "max_entries is 135, which no striped array of this machine's 9 CPU ids has"));
  BOOST_TEST(has(refusal(array_of(ten_counters, 4)), "value size is 4, expected 8"));
  fake::shape unmapped = array_of(ten_counters);
  unmapped.flags = 0;
  BOOST_TEST(has(refusal(unmapped), "flags is none, expected also mmapable"));
  fake::shape other = array_of(ten_counters);
  other.type = 1;
  BOOST_TEST(has(refusal(other), "type is hash, expected array"));
  int const fd = fake::make_map(array_of(ten_counters));
  BOOST_TEST(counts::differences(counts::from_fd(fd).info()) == "");
  ::close(fd);
}

BOOST_AUTO_TEST_CASE(cannot_be_created_without_indices_or_with_too_many) {
  BOOST_TEST(number_of([](auto& ec) { (void)counts::create({.name = "none"}, ec); }) == EINVAL);
  BOOST_TEST(has(test::message_of([] { (void)counts::create({.name = "none"}); }), "max_entries is 0"));
  BOOST_TEST(number_of([](auto& ec) { (void)counts::create({.name = "huge", .max_entries = 1U << 28}, ec); }) == E2BIG);
  BOOST_TEST(has(test::message_of([] { (void)counts::create({.name = "huge", .max_entries = 1U << 28}); }),
                 "max_entries, times the CPU ids of this machine, is too large"));
  BOOST_TEST(fake::calls(call::map_create) == 0U);
  fake::fail(call::map_create, EPERM);
  BOOST_TEST(number_of([](auto& ec) { (void)counts::create({.name = "counts", .max_entries = 10}, ec); }) == EPERM);
}

BOOST_AUTO_TEST_CASE(that_are_frozen_are_read_and_not_written) {
  auto const writer = counted();
  fake::freeze(writer.fd());
  auto const map = counts::from_fd(writer.fd());
  BOOST_TEST(map.at(3) == sum_at(3));
  BOOST_TEST(map.reduce_all()[9] == sum_at(9));
  BOOST_TEST(number_of([&](auto& ec) { map.assign(3, 1, ec); }) == EPERM);
  BOOST_TEST(number_of([&](auto& ec) { map.insert_or_assign(3, 1, ec); }) == EPERM);
  BOOST_TEST(number_of([&](auto& ec) { map.insert_or_assign(3, 1, cpu{0}, ec); }) == EPERM);
  BOOST_TEST(number_of([&](auto& ec) { map.insert_or_assign(3, 1, bpfmap::all_cpus, ec); }) == EPERM);
  BOOST_TEST(has(test::message_of([&] { map.insert_or_assign(3, 1); }), "the map is frozen"));
  BOOST_TEST(map.at(3) == sum_at(3));
}

BOOST_AUTO_TEST_CASE(that_cannot_be_mapped_say_so) {
  // By a descriptor for writing only not at all, by one for reading only to read.
  int const fd = fake::make_map(array_of(ten_counters));
  int const write_only = ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_WRONLY | O_CLOEXEC);
  std::error_code ec;
  BOOST_TEST(!counts::from_fd(write_only, ec));
  BOOST_TEST(ec.value() == EACCES);
  BOOST_TEST(has(test::message_of([&] { (void)counts::from_fd(write_only); }), "the map's memory cannot be mapped"));
  int const read_only = ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC);
  auto const map = counts::from_fd(read_only);
  BOOST_TEST(map.at(3) == 0U);
  BOOST_TEST(number_of([&](auto& code) { map.assign(3, 1, code); }) == EPERM);
  ::close(read_only);
  ::close(write_only);
  ::close(fd);
}

BOOST_AUTO_TEST_CASE(that_are_empty_answer_ebadf) {
  auto map = counted();
  auto const other = std::move(map);
  BOOST_TEST(other.at(3) == sum_at(3));
  counts const never;
  for (counts const* const empty : {&std::as_const(map), &never}) {
    std::error_code ec;
    BOOST_TEST(number_of([&](auto& code) { (void)empty->find(3, code); }) == EBADF);
    BOOST_TEST(number_of([&](auto& code) { (void)empty->at(3, code); }) == EBADF);
    BOOST_TEST(number_of([&](auto& code) { (void)empty->contains(3, code); }) == EBADF);
    BOOST_TEST(number_of([&](auto& code) { (void)empty->find(3, cpu{0}, code); }) == EBADF);
    BOOST_TEST(number_of([&](auto& code) { (void)empty->at(3, cpu{0}, code); }) == EBADF);
    BOOST_TEST(number_of([&](auto& code) { (void)empty->assign(3, 1, code); }) == EBADF);
    BOOST_TEST(number_of([&](auto& code) { empty->insert_or_assign(3, 1, code); }) == EBADF);
    BOOST_TEST(number_of([&](auto& code) { empty->insert_or_assign(3, 1, cpu{0}, code); }) == EBADF);
    BOOST_TEST(number_of([&](auto& code) { (void)empty->totals({}, code); }) == EBADF);
    BOOST_TEST(number_of([&](auto& code) { (void)empty->reduce_all(code); }) == EBADF);
    BOOST_TEST(number_of([&](auto& code) { (void)empty->size(code); }) == EBADF);
    BOOST_TEST(number_of([&](auto& code) { (void)empty->for_each([](auto, auto) {}, code); }) == EBADF);
    for (auto const& each : empty->entries(ec)) (void)each;
    BOOST_TEST(ec.value() == EBADF);
    for (auto const operation : {"find", "at", "entries", "totals"}) {
      auto const error = test::error_of([&] {
        if (std::string_view(operation) == "find") (void)empty->find(3);
        if (std::string_view(operation) == "at") (void)empty->at(3);
        if (std::string_view(operation) == "entries") (void)empty->begin();
        if (std::string_view(operation) == "totals") (void)empty->totals({});
      });
      BOOST_TEST(error.operation == operation);
      BOOST_TEST(error.code.value() == EBADF);
    }
  }
}

BOOST_AUTO_TEST_CASE(keep_their_memory_when_they_are_moved_and_share_it_with_their_clones) {
  auto map = counted();
  auto const copy = map.clone();
  counts moved;
  moved = std::move(map);
  moved.insert_or_assign(3, 12);
  BOOST_TEST(copy.at(3) == 12U);
}

BOOST_AUTO_TEST_CASE(of_an_object_get_a_stripe_for_every_cpu_id_of_the_machine) {
  fake::set_object({.programs = {"on_open"},
                    .maps = {{.name = "flows"},
                             {.type = 2, .value_size = 8, .max_entries = 7, .flags = 1024, .name = "plain"},
                             {.type = 2, .max_entries = 0, .flags = 1024, .name = "counts", .striped = 10}}});
  auto object = bpfmap::object::open("tool.bpf.o");
  object.load();
  BOOST_TEST(object.map("counts").max_entries() == ten_counters);
  BOOST_TEST(object.map("plain").max_entries() == 7U);
  BOOST_TEST(object.map("flows").max_entries() == 16U);
  BOOST_TEST(object.map<counts>("counts").size() == 10U);

  auto skeleton = bpfmap::object::open("tool.bpf.o");
  std::error_code ec;
  bpfmap::fit_to_machine(skeleton.get(), ec);
  BOOST_TEST(!ec);
  BOOST_TEST(skeleton.map("counts").max_entries() == ten_counters);
  skeleton.load();  // fits again, and changes nothing
  BOOST_TEST(skeleton.map<counts>("counts").size() == 10U);
  bpfmap::fit_to_machine(nullptr, ec);
  BOOST_TEST(ec.value() == EINVAL);
  BOOST_TEST(has(test::message_of([] { bpfmap::fit_to_machine(nullptr); }), "fit_to_machine on a null pointer"));
}

BOOST_AUTO_TEST_CASE(of_an_object_have_as_many_indices_as_its_programs_were_compiled_for) {
  fake::set_object({.programs = {"on_open"},
                    .maps = {{.type = 2, .max_entries = 0, .flags = 1024, .name = "counts", .striped = 10}}});
  auto object = bpfmap::object::open("tool.bpf.o");
  object.map("counts").set_max_entries(100);
  BOOST_TEST(number_of([&](auto& ec) { object.load(ec); }) == EINVAL);
  constexpr auto reason =
      "the indices of the striped array 'counts' are compiled into its programs: max_entries cannot be changed";
  BOOST_TEST(has(test::message_of([&] { object.load(); }), reason));
  BOOST_TEST(has(test::message_of([&] { bpfmap::fit_to_machine(object.get()); }), reason));
  object.map("counts").set_max_entries(0);
  object.load();
  fake::set_object({.programs = {"on_open"},
                    .maps = {{.type = 2, .max_entries = 0, .flags = 1024, .name = "counts", .striped = 1U << 28}}});
  auto huge = bpfmap::object::open("tool.bpf.o");
  BOOST_TEST(number_of([&](auto& ec) { huge.load(ec); }) == E2BIG);
  BOOST_TEST(has(test::message_of([&] { huge.load(); }), "'counts' is too large for so many CPUs"));
}

BOOST_AUTO_TEST_SUITE_END()
