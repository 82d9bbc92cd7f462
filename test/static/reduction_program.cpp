// SPDX-License-Identifier: MIT
// The program that reduces per-CPU arrays, executed here: CPU ids with holes, many CPUs, loops that are cut short. And
// which slots and reducers it is for.
#include "../support/bpf_machine.hpp"
#include "../support/reductions.hpp"

#include <boost/test/unit_test.hpp>

#include <bpfmap/engine/percpu_reduction.hpp>
#include <bpfmap/maps/array.hpp>

namespace {

namespace reduce = bpfmap::reduce;
using namespace bpfmap::detail;
using test::mixed;

// ---- which pairs of slots and reducers ----

struct nested {
  std::array<mixed, 2> parts;
  std::uint8_t more;
};
struct with_a_ratio {
  std::uint64_t packets;
  double ratio;
};
struct always {
  template <class Slot>
  bool operator()(Slot const&) const {
    return true;
  }
};
struct own : reduce::sum {
  std::uint64_t operator()(bpfmap::per_cpu_view<std::uint64_t const>) const noexcept { return 7; }
};
struct join {
  std::uint64_t operator()(std::uint64_t a, std::uint64_t b) const { return a ^ b; }
};

static_assert(integers_in<std::uint8_t>() == 1);
static_assert(integers_in<bool>() == 1);
static_assert(integers_in<std::array<mixed, 3>>() == 24);
static_assert(integers_in<nested>() == 17);
static_assert(integers_in<with_a_ratio>() == 0);
static_assert(integers_in<double>() == 0);
#ifdef __SIZEOF_INT128__
__extension__ using int128 = __int128;
static_assert(integers_in<int128>() == 0, "the program has 64 bits");
#endif

static_assert(reducible_in_kernel<std::uint64_t, reduce::sum>);
static_assert(reducible_in_kernel<std::int8_t, reduce::min>);
static_assert(reducible_in_kernel<mixed, reduce::max>);
static_assert(reducible_in_kernel<nested, reduce::bit_and>);
static_assert(reducible_in_kernel<std::array<std::uint16_t, 64>, reduce::bit_or>);
static_assert(!reducible_in_kernel<std::array<std::uint16_t, 65>, reduce::bit_or>);
static_assert(!reducible_in_kernel<double, reduce::sum>);
static_assert(!reducible_in_kernel<with_a_ratio, reduce::sum>);
static_assert(!reducible_in_kernel<std::uint64_t, reduce::mean>);
static_assert(!reducible_in_kernel<std::uint64_t, reduce::min_if<always>>);
static_assert(!reducible_in_kernel<std::uint64_t, reduce::slots>);
static_assert(!reducible_in_kernel<std::uint64_t, reduce::merge<join>>);
static_assert(!reducible_in_kernel<std::uint64_t, own>, "what is derived from a reducer is another one");

// ---- the program ----

constexpr int map_fd = 3;
constexpr int memory_fd = -1;  // that of a scratch_array that has none

enum class loops : std::uint8_t { jumps, cut_short, calls };

void executes(test::reduction_case const& tested, bpfmap::cpu_set const& cpus, loops how, test::randomness& random) {
  constexpr std::uint32_t first = 5;
  constexpr std::uint32_t count = 6;
  auto const layout = reduction_layout::of(tested.table.result_bytes, cpus.size(), count);
  std::vector<std::uint64_t> memory(layout.bytes / 8 + 1);
  auto* const bytes = reinterpret_cast<std::byte*>(memory.data());
  place_ids(bytes, layout, cpus);
  std::vector<test::slot_row> rows;
  for (std::uint32_t i = 0; i < count; ++i) rows.emplace_back(tested.table.slot_bytes, cpus.size(), random);

  bpf::assembler code;
  reduction_emitter const emitter(code, tested.table, layout, cpus.size(), map_fd, memory_fd);
  if (how == loops::calls) {
    static_cast<void>(emitter.emit_with_calls());
  } else {
    emit_list_program(code, scratch_array(), layout.most, true,
                      [&](bpf::assembler&, bpf::label stop) { emitter.emit_item_with_jumps(stop); });
  }
  std::error_code ec;
  test::bpf_machine machine(code.code(ec));
  BOOST_TEST_REQUIRE(!ec);
  machine.set_map_value(memory_fd, bytes);
  machine.allow(bytes, layout.bytes);
  for (auto& row : rows) machine.allow(row.data(), row.bytes());
  std::size_t left = 0;
  if (how == loops::cut_short) {
    // Never before an item is through, or it would go on for ever.
    machine.too_long = [&] {
      if (left == 0) left = 2 * cpus.size() + 2 + random.below(20);
      return --left == 0;
    };
  }
  std::size_t strangers = 0;
  machine.helper = [&](std::int32_t number, test::bpf_machine::registers const& r) -> std::uint64_t {
    std::uint32_t const index = machine.number_at(r[2]);
    std::size_t const rank = cpus.rank_of(static_cast<std::uint32_t>(r[3]));
    bool const good = number == static_cast<std::int32_t>(bpf::helper::map_lookup_percpu_elem) && r[1] == map_fd &&
                      index >= first && index < first + count && rank < cpus.size();
    strangers += good ? 0 : 1;
    return good ? reinterpret_cast<std::uint64_t>(rows[index - first].slot(rank)) : 0;
  };
  auto* const header = reinterpret_cast<list_header*>(bytes);
  header->count = count;
  header->argument = first;
  int runs = 0;
  for (; runs < 100 && header->next < count; ++runs) machine.run();
  BOOST_TEST(strangers == 0U, tested.name << ": asked for slots that there are not");
  BOOST_TEST(header->next == count);
  BOOST_TEST((runs == 1 || how == loops::cut_short));
  std::uint32_t wrong = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    wrong +=
        tested.is_reduced(rows[i], cpus, bytes + layout.results + std::size_t{i} * tested.table.result_bytes) ? 0 : 1;
  }
  BOOST_TEST(wrong == 0U, tested.name << ": " << wrong << " of " << count << " differ");
}

void reduce_on(char const* list, loops how) {
  test::randomness random;
  std::error_code ec;
  auto const cpus = bpfmap::cpu_set::parse(list, ec);
  BOOST_TEST_REQUIRE(!ec);
  BOOST_TEST_CONTEXT("CPUs " << list) {
    for (test::reduction_case const& each : test::all_reductions()) executes(each, cpus, how, random);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reduction_program)

BOOST_AUTO_TEST_CASE(gives_what_the_reducer_gives_on_one_cpu_and_on_two) {
  for (loops const how : {loops::jumps, loops::calls}) {
    reduce_on("0", how);
    reduce_on("0-1", how);
  }
}

BOOST_AUTO_TEST_CASE(asks_for_possible_cpus_only_where_ids_have_holes) {
  for (loops const how : {loops::jumps, loops::calls, loops::cut_short}) {
    reduce_on("0,2-5,8", how);
    reduce_on("1,3,1000-1009,8191", how);
  }
}

BOOST_AUTO_TEST_CASE(gives_what_the_reducer_gives_on_1024_cpus) {
  for (loops const how : {loops::jumps, loops::calls}) reduce_on("0-1023", how);
}

BOOST_AUTO_TEST_CASE(goes_on_where_the_kernel_cut_it_short) { reduce_on("0-6", loops::cut_short); }

BOOST_AUTO_TEST_CASE(has_flags_and_nested_structs) {
  struct flags {
    bool seen;
    std::array<bool, 2> more;
    std::int32_t level;
  };
  auto const sums = reduction_table_of<flags, reduce::sum>();
  BOOST_TEST_REQUIRE(sums.numbers.size() == 4U);
  BOOST_TEST((sums.numbers[0].how == reduction::bit_or));
  BOOST_TEST(sums.numbers[2].offset == 2U);
  BOOST_TEST((sums.numbers[3].how == reduction::add_within));
  BOOST_TEST(sums.numbers[3].offset == offsetof(flags, level));
  BOOST_TEST(sums.numbers[3].is_signed);
  BOOST_TEST(sums.result_bytes == sizeof(flags));
  BOOST_TEST(!sums.only_touched);
  auto const largest = reduction_table_of<nested, reduce::max>();
  BOOST_TEST_REQUIRE(largest.numbers.size() == 17U);
  BOOST_TEST(largest.numbers[8].offset == sizeof(mixed));
  BOOST_TEST(largest.numbers[16].offset == offsetof(nested, more));
  BOOST_TEST(largest.only_touched);
}

BOOST_AUTO_TEST_CASE(widens_a_single_narrow_counter) {
  auto const sums = reduction_table_of<std::int16_t, reduce::sum>();
  BOOST_TEST(sums.numbers[0].bytes == 2U);
  BOOST_TEST(sums.numbers[0].result_bytes == 8U);
  BOOST_TEST(sums.result_bytes == 8U);
  BOOST_TEST((sums.numbers[0].how == reduction::add));
  auto const members = reduction_table_of<std::array<std::int16_t, 1>, reduce::sum>();
  BOOST_TEST(members.numbers[0].result_bytes == 2U);
  BOOST_TEST((members.numbers[0].how == reduction::add_within));
}

BOOST_AUTO_TEST_CASE(has_memory_that_stays_in_the_caches) {
  auto const small = reduction_layout::of(8, 2, 10);
  BOOST_TEST(small.most == 10U);
  auto const usual = reduction_layout::of(8, 64, 1'000'000);
  BOOST_TEST(usual.most == 4096U);
  BOOST_TEST(usual.results >= usual.ids + 64 * 4);
  BOOST_TEST(usual.results % 64 == 0U);
  auto const wide = reduction_layout::of(4096, 2, 1'000'000);
  BOOST_TEST(wide.most == 8U);
  BOOST_TEST(wide.bytes == wide.results + 8 * 4096U);
}

BOOST_AUTO_TEST_CASE(takes_no_more_at_once_than_some_milliseconds) {
  auto const many = reduction_layout::of(8, 1024, 1'000'000);
  BOOST_TEST(many.most == 256U);
  BOOST_TEST(reduction_layout::of(8, 65'536, 1'000'000).most == 4U);
}

BOOST_AUTO_TEST_SUITE_END()
