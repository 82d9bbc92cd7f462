// SPDX-License-Identifier: MIT
// core/reduce.hpp: the law of every map, "what was written is read", for each reducer, many kinds of slots and
// sets of CPUs; and the arithmetic against a plain computation.

#include <bpfmap/core/reduce.hpp>

#include "print.hpp"
#include "slots.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <random>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace bpfmap;

// ---- slots ----

struct counters {
  std::uint64_t packets;
  std::uint64_t bytes;
  friend bool operator==(counters const&, counters const&) = default;
};
struct mixed {  // with padding
  std::uint8_t small;
  std::int32_t number;
  double weight;
  bool seen;
  friend bool operator==(mixed const&, mixed const&) = default;
};
struct integers {
  std::int8_t a;
  std::uint16_t b[3];
  std::array<std::int64_t, 2> c;
  struct inside {
    std::uint32_t d;
    friend bool operator==(inside const&, inside const&) = default;
  } inner;
  friend bool operator==(integers const&, integers const&) = default;
};
enum class verdict : std::uint32_t { pass };
struct with_enum {
  verdict last;
};
struct with_pointer {
  std::uint64_t packets;
  void* owner;
};

using integer_slots = std::tuple<char, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t,
                                 std::uint32_t, std::int64_t, std::uint64_t, long long, unsigned long long>;
using floating_slots = std::tuple<float, double, long double>;

constexpr std::string_view machines[] = {"0",   "0-1", "0-2", "0-3",       "0-4",  "0-5",           "0-6",
                                         "0-7", "0-8", "0,2", "1-2,5,8-9", "4095", "0-1,64-65,4095"};

// ---- the values that are written ----

template <class T>
std::vector<T> edges() {
  using limits = std::numeric_limits<T>;
  if constexpr (std::is_same_v<T, bool>) {
    return {false, true};
  } else if constexpr (std::is_floating_point_v<T>) {
    return {T{0},          T{-0.0},         T{1.5}, T{-2.25}, T{1e30F}, limits::min(), limits::denorm_min(),
            limits::max(), limits::lowest()};
  } else {
    std::vector<T> values{T{0}, T{1}, T{42}, limits::max(), static_cast<T>(limits::max() - 1), limits::min()};
    if constexpr (std::is_signed_v<T>) values.insert(values.end(), {T{-1}, T{-42}, static_cast<T>(limits::min() + 1)});
    return values;
  }
}
template <class T>
constexpr std::type_identity<T> kind{};

std::vector<counters> values_of(std::type_identity<counters>) {
  return {{0, 0}, {1, 0}, {0, 1}, {7, 1500}, {~0ULL, ~0ULL}, {1ULL << 63, 3}};
}
std::vector<mixed> values_of(std::type_identity<mixed>) {
  return {{0, 0, 0, false}, {255, -1, -1e300, true}, {1, INT32_MIN, 0.5, false}, {0, INT32_MAX, 0, true}};
}
std::vector<integers> values_of(std::type_identity<integers>) {
  return {{0, {}, {}, {0}},
          {-128, {0, 65535, 1}, {INT64_MIN, INT64_MAX}, {~0U}},
          {127, {1, 2, 3}, {-1, 1}, {5}},
          {0, {0, 0, 1}, {0, 0}, {0}}};
}
template <class T, std::size_t N>
std::vector<std::array<T, N>> values_of(std::type_identity<std::array<T, N>>) {
  std::vector<T> const each = edges<T>();
  std::vector<std::array<T, N>> values;
  for (std::size_t first = 0; first < each.size(); ++first) {
    auto& value = values.emplace_back();
    for (std::size_t i = 0; i < N; ++i) value[i] = each[(first + i) % each.size()];
  }
  return values;
}
template <class T>
  requires std::is_arithmetic_v<T>
std::vector<T> values_of(std::type_identity<T>) {
  return edges<T>();
}

// ---- the law ----

/// Whether `value` can be written to slots of these CPUs; if so it must be what is read.
template <class Reducer, class Slot>
bool obeys_the_law(std::string_view machine, reduced_t<Reducer, Slot> const& value, bool* stored = nullptr) {
  test::slots<Slot> const memory(machine);
  Reducer const reducer;
  bool done = true;
  if constexpr (std::is_same_v<decltype(reducer.scatter(value, memory.view())), bool>) {
    done = reducer.scatter(value, memory.view());
  } else {
    reducer.scatter(value, memory.view());
  }
  if (stored != nullptr) *stored = done;
  return !done || reducer(per_cpu_view<Slot const>(memory.view())) == value;
}

template <class Reducer, class Slot>
void check_law() {
  static_assert(scattering_reducer<Reducer, Slot> && std::same_as<reduced_t<Reducer, Slot>, Slot>);
  std::vector<Slot> const values = values_of(kind<Slot>);
  for (std::string_view const machine : machines) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      bool stored = false;
      bool const law = obeys_the_law<Reducer, Slot>(machine, values[i], &stored);
      BOOST_TEST((law && stored), "value " << i << " on CPUs " << machine);
    }
  }
}

template <class Reducer, class... Slot>
void check_law_for(std::type_identity<std::tuple<Slot...>>) {
  (check_law<Reducer, Slot>(), ...);
}

template <class Reducer>
void check_law_of_integers() {
  check_law_for<Reducer>(kind<integer_slots>);
  check_law<Reducer, bool>();
  check_law<Reducer, counters>();
  check_law<Reducer, integers>();
  check_law<Reducer, std::array<std::uint64_t, 3>>();
  check_law<Reducer, std::array<std::int8_t, 4>>();
}
template <class Reducer>
void check_law_of_numbers() {
  check_law_of_integers<Reducer>();
  check_law_for<Reducer>(kind<floating_slots>);
  check_law<Reducer, mixed>();
  check_law<Reducer, std::array<double, 2>>();
}

// ---- what each promises to the compiler ----

static_assert(std::same_as<reduced_t<reduce::sum, std::uint8_t>, std::uint64_t>);
static_assert(std::same_as<reduced_t<reduce::sum, bool>, std::uint64_t>);
static_assert(std::same_as<reduced_t<reduce::sum, std::int32_t>, std::int64_t>);
static_assert(std::same_as<reduced_t<reduce::sum, std::uint64_t>, std::uint64_t>);
static_assert(std::same_as<reduced_t<reduce::sum, float>, float>);
static_assert(std::same_as<reduced_t<reduce::sum, mixed>, mixed>);
static_assert(std::same_as<reduced_t<reduce::sum, std::array<std::uint8_t, 2>>, std::array<std::uint8_t, 2>>);
static_assert(std::same_as<reduced_t<reduce::slots, with_enum>, per_cpu_values<with_enum>>);

struct add_up {
  static constexpr std::uint64_t identity = 0;
  std::uint64_t operator()(std::uint64_t a, std::uint64_t b) const noexcept { return a + b; }
};
struct add_up_and_throw {
  std::uint64_t operator()(std::uint64_t a, std::uint64_t b) const { return a + b; }
};
struct takes_three {
  std::uint64_t operator()(std::uint64_t, std::uint64_t, std::uint64_t) const { return 0; }
};

template <class Reducer, class Slot>
constexpr bool never_throws = std::is_nothrow_invocable_v<Reducer const&, per_cpu_view<Slot const>>;
static_assert(never_throws<reduce::sum, std::uint64_t> && never_throws<reduce::sum, mixed>);
static_assert(never_throws<reduce::min, mixed> && never_throws<reduce::max, mixed>);
static_assert(never_throws<reduce::mean, mixed> && never_throws<reduce::bit_or, integers>);
static_assert(never_throws<reduce::merge<add_up>, std::uint64_t>);
static_assert(!never_throws<reduce::merge<add_up_and_throw>, std::uint64_t>);
static_assert(!never_throws<reduce::slots, std::uint64_t>);

static_assert(reducer<reduce::sum, mixed> && !reducer<reduce::sum, with_enum> && !reducer<reduce::sum, with_pointer>);
static_assert(!reducer<reduce::sum, verdict> && !reducer<reduce::min, with_pointer> &&
              !reducer<reduce::mean, with_enum> && !reducer<reduce::bit_or, with_pointer>);
static_assert(reducer<reduce::slots, with_pointer> && scattering_reducer<reduce::slots, with_enum>);
static_assert(!reducer<int, int> && !reducer<takes_three, std::uint64_t> && !reducer<add_up, std::uint64_t>);
static_assert(reducer<reduce::merge<add_up>, std::uint64_t> && !reducer<reduce::merge<takes_three>, std::uint64_t>);
static_assert(scattering_reducer<reduce::merge<add_up>, std::uint64_t>);
static_assert(reducer<reduce::merge<add_up_and_throw>, std::uint64_t> &&
              !scattering_reducer<reduce::merge<add_up_and_throw>, std::uint64_t>);

static_assert(reduce::numeric<bool> && reduce::numeric<long double> && reduce::numeric<integers>);
static_assert(reduce::numeric<int[2]> && reduce::numeric<std::array<mixed, 3>>);
static_assert(!reduce::numeric<verdict> && !reduce::numeric<void*> && !reduce::numeric<with_enum>);
static_assert(!reduce::numeric<std::byte> && !reduce::numeric<std::array<void*, 2>>);

static_assert(std::is_empty_v<reduce::sum> && std::is_empty_v<reduce::min> && std::is_empty_v<reduce::mean> &&
              std::is_empty_v<reduce::slots> && std::is_empty_v<reduce::merge<add_up>>);
static_assert(reduce::every_slot{}(0));

namespace arithmetic = reduce::detail;
static_assert(arithmetic::add<std::int8_t>(100, 100) == 127 && arithmetic::add<std::int8_t>(-100, -100) == -128);
static_assert(arithmetic::add<std::uint8_t>(200, 100) == 255 && arithmetic::add<std::uint32_t>(~0U, 1) == ~0U);
static_assert(arithmetic::add<std::int32_t>(INT32_MAX, 1) == INT32_MAX);
static_assert(arithmetic::add<std::uint64_t>(~0ULL, 2) == 1 &&
              arithmetic::add<std::int64_t>(INT64_MAX, 1) == INT64_MIN);
static_assert(arithmetic::add(true, true) && !arithmetic::add(false, false) && arithmetic::add(0.5, 0.25) == 0.75);
static_assert(arithmetic::clamp_to<std::uint16_t>(std::uint64_t{70000}) == 65535);
static_assert(arithmetic::clamp_to<std::int16_t>(std::int64_t{-70000}) == -32768);

// ---- a plain computation to compare with ----

__extension__ using wide = __int128;

template <class T>
T modulo_64(wide sum) {
  return static_cast<T>(static_cast<std::uint64_t>(sum));
}

/// Slots of a machine of random size: some untouched, some at the edges, the rest anything.
template <class T>
std::vector<T> random_slots(std::mt19937_64& random) {
  std::vector<T> const special = edges<T>();
  std::vector<T> slots(1 + random() % 9);
  for (T& slot : slots) {
    switch (random() % 4) {
      case 0:
        slot = T{};
        break;
      case 1:
        slot = special[random() % special.size()];
        break;
      case 2:
        slot = static_cast<T>(random() % 8);
        break;
      default:
        slot = static_cast<T>(random());
        break;
    }
  }
  return slots;
}

template <class Reducer, class T>
auto reduced(std::vector<T> const& values) {
  test::slots<T> const memory("0-" + std::to_string(values.size() - 1));
  per_cpu_view<T> const view = memory.view();
  for (std::size_t i = 0; i < values.size(); ++i) view[i] = values[i];
  return Reducer{}(per_cpu_view<T const>(view));
}

template <class T>
std::vector<T> touched_only(std::vector<T> values) {
  std::erase(values, T{});
  return values;
}

template <class T, class Check>
void for_random_slots(Check check) {
  std::mt19937_64 random(20260823);
  for (int round = 0; round < 300; ++round) check(random_slots<T>(random));
}

template <class... T, class Check>
void for_each_integer(std::type_identity<std::tuple<T...>>, Check check) {
  (check(kind<T>), ...);
}

std::uint64_t bits_of(std::vector<std::uint64_t> const& values) { return reduced<reduce::bit_or>(values); }

}  // namespace

BOOST_AUTO_TEST_SUITE(reduce_hpp)

// ---- the law ----

BOOST_AUTO_TEST_CASE(a_minimum_that_is_written_is_read) { check_law_of_numbers<reduce::min>(); }
BOOST_AUTO_TEST_CASE(a_maximum_that_is_written_is_read) { check_law_of_numbers<reduce::max>(); }
BOOST_AUTO_TEST_CASE(a_mean_that_is_written_is_read) { check_law_of_numbers<reduce::mean>(); }
BOOST_AUTO_TEST_CASE(bits_that_are_written_are_read) { check_law_of_integers<reduce::bit_or>(); }
BOOST_AUTO_TEST_CASE(common_bits_that_are_written_are_read) { check_law_of_integers<reduce::bit_and>(); }

BOOST_AUTO_TEST_CASE(a_sum_as_wide_as_its_slots_is_read_as_written) {
  check_law<reduce::sum, std::int64_t>();
  check_law<reduce::sum, std::uint64_t>();
  check_law<reduce::sum, unsigned long long>();
  check_law_for<reduce::sum>(kind<floating_slots>);
  check_law<reduce::sum, counters>();
  check_law<reduce::sum, mixed>();
  check_law<reduce::sum, integers>();
  check_law<reduce::sum, std::array<std::uint64_t, 3>>();
  check_law<reduce::sum, std::array<std::int8_t, 4>>();
}

BOOST_AUTO_TEST_CASE(a_sum_wider_than_its_slots_is_spread_over_cpus_as_long_as_they_can_hold_it) {
  auto const check = []<class T>(std::type_identity<T>) {
    if constexpr (sizeof(T) < 8) {
      for (std::string_view const machine : machines) {
        auto const cpus = static_cast<std::int64_t>(test::cpus(machine).size());
        std::int64_t const most = cpus * std::int64_t{std::numeric_limits<T>::max()};
        std::int64_t const least = cpus * std::int64_t{std::numeric_limits<T>::min()};
        for (std::int64_t const value : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, most, most - 1, most + 1,
                                         least, least + 1, least - 1, most / 2, least / 2}) {
          if (std::is_unsigned_v<T> && value < 0) continue;
          bool stored = false;
          auto const sum = static_cast<reduced_t<reduce::sum, T>>(value);
          BOOST_TEST((obeys_the_law<reduce::sum, T>(machine, sum, &stored)), value << " on CPUs " << machine);
          BOOST_TEST(stored == (value <= most && value >= least), value << " on CPUs " << machine);
        }
      }
    }
  };
  for_each_integer(kind<integer_slots>, check);
}

BOOST_AUTO_TEST_CASE(merged_values_that_are_written_are_read) {
  for (std::string_view const machine : machines) {
    for (std::uint64_t const value : edges<std::uint64_t>()) {
      BOOST_TEST((obeys_the_law<reduce::merge<add_up>, std::uint64_t>(machine, value)));
    }
  }
}

// merge asks for any associative callable, and for F(identity, x) == x only: the order matters.
struct last_one {
  static constexpr std::uint64_t identity = 0;
  std::uint64_t operator()(std::uint64_t, std::uint64_t b) const { return b; }
};
BOOST_AUTO_TEST_CASE(merged_values_are_read_as_written_if_the_identity_is_one_on_the_left) {
  BOOST_TEST((obeys_the_law<reduce::merge<last_one>, std::uint64_t>("0", 5)));
  BOOST_TEST((obeys_the_law<reduce::merge<last_one>, std::uint64_t>("0-3", 5)));
}

struct is_even {
  template <class T>
  bool operator()(T const& slot) const {
    return slot % 2 == 0;
  }
};
BOOST_AUTO_TEST_CASE(with_a_predicate_what_counts_is_read_as_written) {
  BOOST_TEST((obeys_the_law<reduce::min_if<is_even>, std::uint32_t>("0-3", 4)));
  BOOST_TEST((obeys_the_law<reduce::mean_if<is_even>, std::uint32_t>("0-3", 4)));
  BOOST_TEST((obeys_the_law<reduce::max_if<reduce::every_slot>, std::int32_t>("0-3", -4)));
}
// A map reports it as ERANGE.
BOOST_AUTO_TEST_CASE(with_a_predicate_what_does_not_count_is_refused_by_scatter) {
  BOOST_TEST((obeys_the_law<reduce::min_if<is_even>, std::uint32_t>("0-3", 5)));
  BOOST_TEST((obeys_the_law<reduce::max_if<is_even>, std::uint32_t>("0-3", 5)));
  BOOST_TEST((obeys_the_law<reduce::bit_and_if<is_even>, std::uint32_t>("0-3", 5)));
  BOOST_TEST((obeys_the_law<reduce::mean_if<is_even>, std::uint32_t>("0-3", 5)));
}

BOOST_AUTO_TEST_CASE(infinities_that_are_written_are_read) {
  auto const check = []<class T>(std::type_identity<T>) {
    for (T const value : {std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity()}) {
      BOOST_TEST((obeys_the_law<reduce::sum, T>("0-3", value)), "sum");
      BOOST_TEST((obeys_the_law<reduce::min, T>("0-3", value)), "min");
      BOOST_TEST((obeys_the_law<reduce::max, T>("0-3", value)), "max");
      BOOST_TEST((obeys_the_law<reduce::mean, T>("0-3", value)), "mean");
    }
  };
  for_each_integer(kind<floating_slots>, check);
}

BOOST_AUTO_TEST_CASE(slots_are_read_as_written_cpu_by_cpu) {
  for (std::string_view const machine : machines) {
    per_cpu_values<mixed> values(test::cpus(machine));
    std::int32_t number = 0;
    for (mixed& value : values) value = {1, ++number, 0.5, true};
    bool stored = false;
    BOOST_TEST((obeys_the_law<reduce::slots, mixed>(machine, values, &stored)));
    BOOST_TEST(stored);
  }
}

BOOST_AUTO_TEST_CASE(slots_of_other_cpus_are_refused) {
  bool stored = true;
  per_cpu_values<std::uint64_t> const values(test::cpus("0-2"));
  BOOST_TEST((obeys_the_law<reduce::slots, std::uint64_t>("0-3", values, &stored)));
  BOOST_TEST(!stored);
  BOOST_TEST((obeys_the_law<reduce::slots, std::uint64_t>("0-1,3", values, &stored)));
  BOOST_TEST(!stored);
}

// ---- the arithmetic ----

BOOST_AUTO_TEST_CASE(integers_add_up_without_overflow_or_modulo_2_to_the_64) {
  for_each_integer(kind<integer_slots>, []<class T>(std::type_identity<T>) {
    for_random_slots<T>([](std::vector<T> const& slots) {
      wide sum = 0;
      for (T const slot : slots) sum += slot;
      BOOST_TEST(reduced<reduce::sum>(slots) == (modulo_64<reduced_t<reduce::sum, T>>(sum)));
    });
  });
}

BOOST_AUTO_TEST_CASE(narrow_members_stop_at_the_limits_of_their_types) {
  using narrow = std::array<std::int16_t, 2>;
  BOOST_TEST((reduced<reduce::sum, narrow>({{30000, -30000}, {30000, -30000}}) == narrow{32767, -32768}));
  auto const sum = reduced<reduce::sum, mixed>({{200, 1, 0.5, false}, {100, INT32_MAX, 0.25, true}});
  BOOST_TEST((sum == mixed{255, INT32_MAX, 0.75, true}));
}

BOOST_AUTO_TEST_CASE(structs_are_reduced_member_by_member) {
  std::vector<integers> const slots{{1, {1, 2, 3}, {-5, 5}, {7}}, {-2, {4, 1, 3}, {1, -1}, {8}}};
  BOOST_TEST((reduced<reduce::sum>(slots) == integers{-1, {5, 3, 6}, {-4, 4}, {15}}));
  BOOST_TEST((reduced<reduce::min>(slots) == integers{-2, {1, 1, 3}, {-5, -1}, {7}}));
  BOOST_TEST((reduced<reduce::max>(slots) == integers{1, {4, 2, 3}, {1, 5}, {8}}));
  BOOST_TEST((reduced<reduce::bit_or>(slots) == integers{-1, {5, 3, 3}, {-5, -1}, {15}}));
  BOOST_TEST((reduced<reduce::bit_and>(slots) == integers{0, {0, 0, 3}, {1, 5}, {0}}));
}

BOOST_AUTO_TEST_CASE(the_smallest_and_the_largest_are_of_slots_that_were_touched) {
  for_each_integer(kind<integer_slots>, []<class T>(std::type_identity<T>) {
    for_random_slots<T>([](std::vector<T> const& slots) {
      std::vector<T> const touched = touched_only(slots);
      BOOST_TEST(reduced<reduce::min>(slots) == (touched.empty() ? T{} : std::ranges::min(touched)));
      BOOST_TEST(reduced<reduce::max>(slots) == (touched.empty() ? T{} : std::ranges::max(touched)));
      BOOST_TEST(reduced<reduce::min_if<reduce::every_slot>>(slots) == std::ranges::min(slots));
      BOOST_TEST(reduced<reduce::max_if<reduce::every_slot>>(slots) == std::ranges::max(slots));
    });
  });
}

BOOST_AUTO_TEST_CASE(bits_are_of_any_cpu_or_of_all_that_have_written) {
  for_random_slots<std::uint64_t>([](std::vector<std::uint64_t> const& slots) {
    std::uint64_t any = 0;
    std::uint64_t all = ~std::uint64_t{0};
    for (std::uint64_t const slot : slots) {
      any |= slot;
      if (slot != 0) all &= slot;
    }
    BOOST_TEST(bits_of(slots) == any);
    BOOST_TEST(reduced<reduce::bit_and>(slots) == (touched_only(slots).empty() ? 0 : all));
  });
}

BOOST_AUTO_TEST_CASE(the_mean_of_integers_of_one_sign_rounds_towards_zero) {
  for_each_integer(kind<integer_slots>, []<class T>(std::type_identity<T>) {
    if constexpr (std::is_unsigned_v<T>) {
      for_random_slots<T>([](std::vector<T> const& slots) {
        std::vector<T> const touched = touched_only(slots);
        wide sum = 0;
        for (T const slot : touched) sum += slot;
        T const expected = touched.empty() ? T{} : static_cast<T>(sum / static_cast<wide>(touched.size()));
        BOOST_TEST(reduced<reduce::mean>(slots) == expected);
      });
    }
  });
}

BOOST_AUTO_TEST_CASE(the_mean_of_integers_of_both_signs_rounds_towards_zero) {
  BOOST_TEST((reduced<reduce::mean, std::int64_t>({2, -1})) == 0);
  BOOST_TEST((reduced<reduce::mean, std::int64_t>({-2, 1})) == 0);
  int wrong = 0;
  for_each_integer(kind<integer_slots>, [&]<class T>(std::type_identity<T>) {
    for_random_slots<T>([&](std::vector<T> const& slots) {
      std::vector<T> const touched = touched_only(slots);
      wide sum = 0;
      for (T const slot : touched) sum += slot;
      T const expected = touched.empty() ? T{} : static_cast<T>(sum / static_cast<wide>(touched.size()));
      if (reduced<reduce::mean>(slots) != expected) ++wrong;
    });
  });
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(the_mean_of_floating_point_numbers_neither_overflows_nor_loses_equal_values) {
  double const most = std::numeric_limits<double>::max();
  BOOST_TEST((reduced<reduce::mean, double>({most, most, most})) == most);
  BOOST_TEST((reduced<reduce::mean, double>({most, -most, most, -most})) == 0.0);
  BOOST_TEST((reduced<reduce::mean, double>({0.1, 0.1, 0.1})) == 0.1);
  BOOST_TEST((reduced<reduce::mean, double>({1, 0, 2})) == 1.5);
  BOOST_TEST((reduced<reduce::mean, float>({-1.5F, 0.5F})) == -0.5F);
}

BOOST_AUTO_TEST_CASE(the_mean_of_structs_counts_slots_and_not_members) {
  // The second member of the second slot is zero, and was written all the same.
  auto const mean = reduced<reduce::mean, counters>({{10, 4}, {20, 0}, {0, 0}});
  BOOST_TEST((mean == counters{15, 2}));
}

BOOST_AUTO_TEST_CASE(with_no_slot_touched_everything_is_zero) {
  test::slots<mixed> memory("0-3");
  memory.clear();
  per_cpu_view<mixed const> const slots = memory.view();
  mixed const zero{};
  BOOST_TEST((reduce::sum{}(slots) == zero));
  BOOST_TEST((reduce::min{}(slots) == zero));
  BOOST_TEST((reduce::max{}(slots) == zero));
  BOOST_TEST((reduce::mean{}(slots) == zero));
}

BOOST_AUTO_TEST_CASE(touched_means_that_a_byte_is_not_zero) {
  BOOST_TEST(!reduce::touched{}(std::uint64_t{0}));
  BOOST_TEST(reduce::touched{}(std::uint64_t{1} << 63));
  BOOST_TEST(reduce::touched{}(counters{0, 1}));
  BOOST_TEST(!reduce::touched{}(counters{0, 0}));
  BOOST_TEST(reduce::touched{}(-0.0));
}

BOOST_AUTO_TEST_CASE(merge_goes_through_the_slots_in_the_order_of_cpus) {
  BOOST_TEST((reduced<reduce::merge<last_one>, std::uint64_t>({1, 2, 3})) == 3U);
  BOOST_TEST((reduced<reduce::merge<add_up>, std::uint64_t>({1, 2, 3})) == 6U);
  BOOST_TEST((reduced<reduce::merge<add_up>, std::uint64_t>({7})) == 7U);
}

BOOST_AUTO_TEST_CASE(merge_takes_what_is_no_number) {
  using pick = decltype([](with_pointer a, with_pointer b) { return a.packets < b.packets ? b : a; });
  int owner = 0;
  BOOST_TEST((reduced<reduce::merge<pick>, with_pointer>({{1, nullptr}, {5, &owner}, {2, nullptr}})).owner == &owner);
}

BOOST_AUTO_TEST_CASE(values_of_all_cpus_are_found_by_cpu_id) {
  test::slots<std::uint32_t> const memory("1,4-5,9");
  std::uint32_t next = 10;
  for (std::uint32_t& slot : memory.view()) slot = next++;
  per_cpu_values<std::uint32_t> values = reduce::slots{}(per_cpu_view<std::uint32_t const>(memory.view()));
  BOOST_TEST(values.size() == 4U);
  BOOST_TEST(values[cpu{1}] == 10U);
  BOOST_TEST(values[cpu{4}] == 11U);
  BOOST_TEST(values[cpu{9}] == 13U);
  BOOST_TEST(values.contains(cpu{5}));
  BOOST_TEST(!values.contains(cpu{0}));
  values[cpu{4}] = 1;
  BOOST_TEST(std::vector<std::uint32_t>(values.begin(), values.end()) == (std::vector<std::uint32_t>{10, 1, 12, 13}),
             boost::test_tools::per_element());
  // They own what they show.
  BOOST_TEST(memory.view()[1] == 11U);
}

BOOST_AUTO_TEST_CASE(values_of_every_cpu_may_be_bools) {
  test::slots<bool> memory("0,3-4");
  memory.clear();
  memory.view()[1] = true;
  per_cpu_values<bool> values = reduce::slots{}(per_cpu_view<bool const>(memory.view()));
  BOOST_TEST((!values[bpfmap::cpu{0}] && values[bpfmap::cpu{3}] && !values[bpfmap::cpu{4}]));
  values[bpfmap::cpu{4}] = true;
  BOOST_TEST(reduce::slots{}.scatter<bool>(values, memory.view()));
  BOOST_TEST((!memory.view()[0] && memory.view()[1] && memory.view()[2]));
  BOOST_TEST((reduce::slots{}(per_cpu_view<bool const>(memory.view())) == values));
  per_cpu_values<bool> const copy = values;
  BOOST_TEST((copy == values));
}

BOOST_AUTO_TEST_CASE(values_that_were_moved_from_are_of_no_cpu) {
  per_cpu_values<std::uint64_t> values(test::cpus("0-2"));
  values[bpfmap::cpu{1}] = 7;
  per_cpu_values<std::uint64_t> moved(std::move(values));
  BOOST_TEST((values.size() == 0U && values.begin() == values.end()));
  BOOST_TEST(moved[bpfmap::cpu{1}] == 7U);
  values = moved;
  BOOST_TEST((values == moved));
  moved = std::move(values);
  BOOST_TEST((moved.size() == 3U && values.size() == 0U));
}

BOOST_AUTO_TEST_SUITE_END()
