// SPDX-License-Identifier: MIT
// Counts, sums and the largest elements: what a program finds inside the kernel is what C++ finds in the elements.
#include "../support/deny.hpp"
#include "../support/kernel.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <random>
#include <utility>
#include <vector>

namespace ut = boost::unit_test;
using bpfmap::bulk_path;
using bpfmap::field;
using bpfmap::key;
using bpfmap::key_field;
using bpfmap::value;
using bpfmap::walk;

namespace {

struct times {
  std::int16_t user;
  std::uint16_t system;
};
struct stats {
  std::uint64_t bytes;
  std::int64_t balance;
  std::uint32_t packets;
  std::int32_t change;
  std::uint16_t port;
  std::int16_t degrees;
  std::uint8_t flags;
  std::int8_t level;
  bool seen;
  times spent;
};
struct flow {
  std::uint32_t address;
  std::int16_t rank;
  std::uint16_t port;
};
using flows = bpfmap::hash<flow, stats>;

// Wide enough for each side of a comparison.
__extension__ using wide = __int128;

std::mt19937_64& random() {
  static std::mt19937_64 engine(20261121);
  return engine;
}

// Numbers at which something changes, and any others.
std::uint64_t some_bits() {
  static constexpr std::array<std::uint64_t, 20> edges{
      0,          1,           2,          0x7f,       0x80,         0xff,          0x7fff,
      0x8000,     0xffff,      0x7fffffff, 0x80000000, 0xffffffff,   0x100000000,   0x7fffffffffffffff,
      1ULL << 63, ~0ULL - 127, ~0ULL,      ~0ULL - 1,  ~0ULL << 31U, 0xfffffffffffe};
  return random()() % 4 == 0 ? random()() : edges[random()() % edges.size()];
}

stats some_stats() {
  stats made{};
  made.bytes = some_bits();
  made.balance = static_cast<std::int64_t>(some_bits());
  made.packets = static_cast<std::uint32_t>(some_bits());
  made.change = static_cast<std::int32_t>(some_bits());
  made.port = static_cast<std::uint16_t>(some_bits());
  made.degrees = static_cast<std::int16_t>(some_bits());
  made.flags = static_cast<std::uint8_t>(some_bits());
  made.level = static_cast<std::int8_t>(some_bits());
  made.seen = some_bits() % 2 == 1;
  made.spent = {static_cast<std::int16_t>(some_bits()), static_cast<std::uint16_t>(some_bits())};
  return made;
}

flows some_flows(std::uint32_t count, std::uint32_t room) {
  auto map = flows::create({.name = "flows", .max_entries = room});
  std::vector<flow> keys(count);
  std::vector<stats> values(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    keys[i] = {i, static_cast<std::int16_t>(some_bits()), static_cast<std::uint16_t>(some_bits())};
    values[i] = some_stats();
  }
  map.insert_or_assign(keys, values);
  return map;
}

using elements = std::vector<flows::value_type>;

elements elements_of(flows const& map) {
  elements all;
  for (auto const& each : map) all.push_back(each);
  return all;
}

// What a question means, said without bpfmap.
using meaning = std::function<bool(flow const&, stats const&)>;
using reading = std::function<wide(flow const&, stats const&)>;

template <class Question>
struct asked {
  Question question;
  meaning means;
  std::string text;
};

// A comparison with a number, at random.
struct comparing {
  bpfmap::detail::relation what = static_cast<bpfmap::detail::relation>(random()() % 6);
  std::uint64_t bits = some_bits();
  bool is_signed = random()() % 2 == 0;

  [[nodiscard]] bpfmap::detail::whole_number number() const {
    using bpfmap::detail::whole_number;
    return is_signed ? whole_number::of(static_cast<std::int64_t>(bits)) : whole_number::of(bits);
  }
  [[nodiscard]] meaning means(reading const& read) const {
    wide const right = is_signed ? wide{static_cast<std::int64_t>(bits)} : wide{bits};
    return [read, right, is = what](flow const& key, stats const& value) {
      using bpfmap::detail::relation;
      wide const left = read(key, value);
      switch (is) {
        case relation::equal:
          return left == right;
        case relation::not_equal:
          return left != right;
        case relation::less:
          return left < right;
        case relation::at_most:
          return left <= right;
        case relation::greater:
          return left > right;
        case relation::at_least:
          return left >= right;
      }
      return false;
    };
  }
  [[nodiscard]] std::string text(char const* name) const {
    static constexpr char const* names[] = {" == ", " != ", " < ", " <= ", " > ", " >= "};
    return std::string(name) + names[static_cast<int>(what)] +
           (is_signed ? std::to_string(static_cast<std::int64_t>(bits)) : std::to_string(bits));
  }
};

template <class Operand>
auto compared(Operand const& of, reading const& read, char const* name) {
  using question = bpfmap::detail::comparison<Operand>;
  comparing const how;
  return asked<question>{question(of, how.what, how.number()), how.means(read), how.text(name)};
}

meaning both_of(meaning const& a, meaning const& b) {
  return [a, b](flow const& k, stats const& v) { return a(k, v) && b(k, v); };
}
meaning either_of(meaning const& a, meaning const& b) {
  return [a, b](flow const& k, stats const& v) { return a(k, v) || b(k, v); };
}
meaning opposite_of(meaning const& a) {
  return [a](flow const& k, stats const& v) { return !a(k, v); };
}

template <class A, class B>
auto both(asked<A> const& a, asked<B> const& b) {
  using question = decltype(a.question && b.question);
  return asked<question>{a.question && b.question, both_of(a.means, b.means), "(" + a.text + " && " + b.text + ")"};
}
template <class A, class B>
auto either(asked<A> const& a, asked<B> const& b) {
  using question = decltype(a.question || b.question);
  return asked<question>{a.question || b.question, either_of(a.means, b.means), "(" + a.text + " || " + b.text + ")"};
}
template <class A>
auto opposite(asked<A> const& a) {
  using question = decltype(!a.question);
  return asked<question>{!a.question, opposite_of(a.means), "!" + a.text};
}

void check(elements const& all, meaning const& means, std::string const& text, std::uint64_t by_kernel,
           std::uint64_t by_batch) {
  auto const expected = std::ranges::count_if(all, [&](auto const& each) { return means(each.first, each.second); });
  BOOST_TEST_CONTEXT(text) {
    BOOST_TEST(by_kernel == static_cast<std::uint64_t>(expected));
    BOOST_TEST(by_batch == static_cast<std::uint64_t>(expected));
  }
}

// That the question finds what it means, in the kernel and by batch.
template <class Asked>
void ask(flows& map, elements const& all, Asked const& what) {
  map.set_bulk_path(bulk_path::in_kernel);
  check(all, what.means, what.text, map.count_if(what.question), map.count_if(what.question, walk::batch));
}

// A random comparison of each member; member(read) names it to the test.
#define MEMBER(name) \
  compared(          \
      field(&stats::name), [](flow const&, stats const& v) { return wide{v.name}; }, #name)
#define KEY_MEMBER(name) \
  compared(              \
      key_field(&flow::name), [](flow const& k, stats const&) { return wide{k.name}; }, "key " #name)

template <class Operand, class Read>
void sums(flows& map, elements const& all, Operand const& of, Read const& read) {
  using total = decltype(map.sum(of));
  static_assert(sizeof(total) == 8 && std::is_signed_v<total> == std::is_signed_v<decltype(read(all[0]))>);
  std::uint64_t expected = 0;
  for (auto const& each : all) expected += static_cast<std::uint64_t>(read(each));
  for (walk const how : {walk::in_kernel, walk::batch}) BOOST_TEST(map.sum(of, how) == static_cast<total>(expected));
  BOOST_TEST(map.walked_by() == bulk_path::batch);
}

// A question of 2 to the Doublings comparisons.
template <int Doublings>
auto one_of_many() {
  if constexpr (Doublings == 0) {
    return field(&stats::port) < 150;
  } else {
    auto const half = one_of_many<Doublings - 1>();
    return half || half;
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(push_down, *ut::precondition(test::since{{5, 14}}))

BOOST_AUTO_TEST_CASE(comparisons_of_every_member_mean_what_they_say) {
  auto map = some_flows(3000, 4096);
  auto const all = elements_of(map);
  BOOST_REQUIRE(all.size() == 3000U);
  for (int round = 0; round < 12; ++round) {
    ask(map, all, MEMBER(bytes));
    ask(map, all, MEMBER(balance));
    ask(map, all, MEMBER(packets));
    ask(map, all, MEMBER(change));
    ask(map, all, MEMBER(port));
    ask(map, all, MEMBER(degrees));
    ask(map, all, MEMBER(flags));
    ask(map, all, MEMBER(level));
    ask(map, all, MEMBER(seen));
    ask(map, all, KEY_MEMBER(address));
    ask(map, all, KEY_MEMBER(rank));
    ask(map, all,
        compared(
            field(&stats::spent, &times::user), [](flow const&, stats const& v) { return wide{v.spent.user}; },
            "spent.user"));
  }
}

BOOST_AUTO_TEST_CASE(joined_comparisons_mean_what_they_say) {
  auto map = some_flows(3000, 4096);
  auto const all = elements_of(map);
  for (int round = 0; round < 25; ++round) {
    ask(map, all, both(MEMBER(balance), MEMBER(flags)));
    ask(map, all, either(MEMBER(change), KEY_MEMBER(port)));
    ask(map, all, opposite(MEMBER(degrees)));
    ask(map, all, opposite(both(either(MEMBER(level), MEMBER(bytes)), opposite(KEY_MEMBER(rank)))));
    ask(map, all, either(both(MEMBER(flags), MEMBER(packets)), both(opposite(MEMBER(seen)), MEMBER(level))));
  }
}

BOOST_AUTO_TEST_CASE(sums_of_some_elements_are_those_of_no_others) {
  auto map = some_flows(3000, 4096);
  auto const all = elements_of(map);
  for (int round = 0; round < 20; ++round) {
    auto const what = both(MEMBER(level), opposite(MEMBER(flags)));
    BOOST_TEST_CONTEXT(what.text) {
      std::uint64_t expected = 0;
      for (auto const& [k, v] : all) expected += what.means(k, v) ? v.bytes : 0;
      map.set_bulk_path(bulk_path::in_kernel);
      BOOST_TEST(map.sum_if(field(&stats::bytes), what.question) == expected);
      BOOST_TEST(map.sum_if(field(&stats::bytes), what.question, walk::batch) == expected);
    }
  }
}

BOOST_AUTO_TEST_CASE(sums_have_64_bits_and_wrap) {
  auto map = some_flows(3000, 4096);
  auto const all = elements_of(map);
  map.set_bulk_path(bulk_path::in_kernel);
  sums(map, all, field(&stats::bytes), [](auto const& each) { return each.second.bytes; });
  sums(map, all, field(&stats::balance), [](auto const& each) { return each.second.balance; });
  sums(map, all, field(&stats::change), [](auto const& each) { return each.second.change; });
  sums(map, all, field(&stats::degrees), [](auto const& each) { return each.second.degrees; });
  sums(map, all, field(&stats::level), [](auto const& each) { return each.second.level; });
  sums(map, all, field(&stats::port), [](auto const& each) { return each.second.port; });
  sums(map, all, field(&stats::seen), [](auto const& each) { return each.second.seen; });
  sums(map, all, field(&stats::spent, &times::system), [](auto const& each) { return each.second.spent.system; });
  sums(map, all, key_field(&flow::rank), [](auto const& each) { return each.first.rank; });
}

BOOST_AUTO_TEST_CASE(values_and_keys_that_are_integers_are_asked_as_such) {
  auto map = bpfmap::array<std::int32_t>::create({.max_entries = 5000});
  std::vector<std::uint32_t> keys(5000);
  std::vector<std::int32_t> values(5000);
  for (std::uint32_t i = 0; i < 5000; ++i) {
    keys[i] = i;
    values[i] = static_cast<std::int32_t>(i) - 2000;
  }
  map.insert_or_assign(keys, values);
  for (bulk_path const way : {bulk_path::in_kernel, bulk_path::batch, bulk_path::single}) {
    map.set_bulk_path(way);
    BOOST_TEST(map.count_if(value() < 0) == 2000U);
    BOOST_TEST(map.walked_by() == way);
    BOOST_TEST(map.count_if(value() >= 0 && key() < 2100) == 100U);
    BOOST_TEST(map.sum(value()) == 5000 * 4999 / 2 - 2000 * 5000);
    BOOST_TEST(map.sum_if(key(), 4998 <= key()) == 4998U + 4999U);
    BOOST_TEST(map.walked_by() == way);
  }
  map.set_bulk_path(bulk_path::automatic);
  BOOST_TEST(map.count_if(value() == -2000) == 1U);
  BOOST_TEST(map.walked_by() == bulk_path::in_kernel);
}

BOOST_AUTO_TEST_CASE(of_empty_maps_and_of_one_element_are_right) {
  auto map = flows::create({.max_entries = 100});
  for (bulk_path const way : {bulk_path::in_kernel, bulk_path::batch}) {
    map.set_bulk_path(way);
    BOOST_TEST(map.count_if(field(&stats::bytes) >= 0) == 0U);
    BOOST_TEST(map.sum(field(&stats::balance)) == 0);
    BOOST_TEST(map.top(3, field(&stats::balance)).empty());
  }
  stats one{};
  one.balance = -7;
  map.insert({1, 2, 3}, one);
  for (bulk_path const way : {bulk_path::in_kernel, bulk_path::batch}) {
    map.set_bulk_path(way);
    BOOST_TEST(map.count_if(field(&stats::balance) == -7) == 1U);
    BOOST_TEST(map.sum(field(&stats::balance)) == -7);
    BOOST_TEST(map.top(3, field(&stats::balance)).size() == 1U);
  }
}

BOOST_AUTO_TEST_CASE(top_gives_the_largest_in_order) {
  auto map = some_flows(3000, 4096);
  auto const all = elements_of(map);
  auto const check = [&](auto const& of, auto const& read) {
    auto expected = all;
    std::ranges::sort(expected, std::greater{}, read);
    for (std::size_t const count : {0U, 1U, 2U, 100U, 2999U, 3000U, 3001U, 1'000'000U}) {
      for (bulk_path const way : {bulk_path::in_kernel, bulk_path::batch}) {
        map.set_bulk_path(way);
        auto const best = map.top(count, of);
        BOOST_TEST(map.walked_by() == way);
        BOOST_TEST(best.size() == std::min<std::size_t>(count, 3000));
        std::vector<std::uint32_t> addresses;
        for (std::size_t i = 0; i < best.size(); ++i) {
          BOOST_REQUIRE((read(best[i]) == read(expected[i])));
          addresses.push_back(best[i].first.address);
        }
        std::ranges::sort(addresses);
        BOOST_TEST((std::ranges::adjacent_find(addresses) == addresses.end()), "an element came twice");
      }
    }
  };
  check(field(&stats::bytes), [](auto const& each) { return each.second.bytes; });
  check(field(&stats::balance), [](auto const& each) { return each.second.balance; });
  check(field(&stats::level), [](auto const& each) { return each.second.level; });
  check(key_field(&flow::rank), [](auto const& each) { return each.first.rank; });
}

BOOST_AUTO_TEST_CASE(are_made_in_the_kernel_where_that_is_worth_it) {
  auto const map = some_flows(20'000, 20'000);
  BOOST_TEST(map.count_if(field(&stats::bytes) >= 0) == 20'000U);
  BOOST_TEST(map.walked_by() == bulk_path::in_kernel);
  auto const few = some_flows(100, 20'000);
  auto const loads = test::calls::program_load();
  BOOST_TEST(few.count_if(field(&stats::bytes) >= 0) == 100U);
  BOOST_TEST(few.sum_if(field(&stats::port), field(&stats::bytes) < 0) == 0U);
  BOOST_TEST(few.top(5, field(&stats::bytes)).size() == 5U);
  BOOST_TEST(few.walked_by() == bulk_path::batch);
  BOOST_TEST(test::calls::program_load() == loads);
}

BOOST_AUTO_TEST_CASE(of_per_cpu_maps_and_tries_go_by_walking_over_reduced_values) {
  auto hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>::create({.max_entries = 10'000});
  for (std::uint32_t i = 0; i < 1000; ++i) hits.insert(i, i);
  BOOST_TEST(hits.count_if(value() >= 500) == 500U);
  BOOST_TEST(hits.sum(value()) == 1000U * 999 / 2);
  BOOST_TEST(hits.top(1, value()).at(0).second == 999U);
  BOOST_TEST(hits.walked_by() == bulk_path::batch);
  hits.set_bulk_path(bulk_path::in_kernel);
  std::error_code ec;
  BOOST_TEST(hits.count_if(value() >= 500, ec) == 0U);
  BOOST_TEST((ec == std::errc::operation_not_supported));
  BOOST_TEST(hits.count_if(value() >= 500, walk::batch) == 500U);
  using namespace bpfmap::literals;
  auto routes = bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv4>, std::uint32_t>::create({.max_entries = 100});
  routes.insert("10.0.0.0/8"_cidr, 8);
  routes.insert("10.1.0.0/16"_cidr, 16);
  BOOST_TEST(routes.count_if(value() < 10) == 1U);
  BOOST_TEST(routes.sum(value()) == 24U);
}

BOOST_AUTO_TEST_CASE(of_per_cpu_arrays_use_values_that_are_reduced_in_the_kernel,
                     *ut::precondition(test::since{{5, 19}})) {
  auto drops = bpfmap::percpu_array<std::uint32_t>::create({.max_entries = 5000});
  for (std::uint32_t i = 0; i < 5000; ++i) drops.assign(i, i);
  for (bulk_path const way : {bulk_path::in_kernel, bulk_path::batch, bulk_path::single}) {
    drops.set_bulk_path(way);
    BOOST_TEST(drops.count_if(value() >= 4000 && key() < 4100) == 100U);
    BOOST_TEST(drops.walked_by() == way);
    BOOST_TEST(drops.sum(value()) == 5000U * 4999 / 2);
    auto const best = drops.top(2, value());
    BOOST_TEST(best.size() == 2U);
    BOOST_TEST((best.front().first == 4999U && best.front().second == 4999U && best.back().first == 4998U));
    BOOST_TEST(drops.walked_by() == way);
  }
}

BOOST_AUTO_TEST_CASE(are_the_same_where_programs_are_refused) {
  auto map = some_flows(20'000, 20'000);
  auto const by_kernel = map.count_if(field(&stats::level) > 0);
  BOOST_TEST(map.walked_by() == bulk_path::in_kernel);
  test::deny_programs const deny;
  BOOST_TEST(map.count_if(field(&stats::level) > 0) == by_kernel);
  BOOST_TEST(map.walked_by() == bulk_path::batch);
  map.set_bulk_path(bulk_path::in_kernel);
  std::error_code ec;
  BOOST_TEST(map.count_if(field(&stats::level) > 0, ec) == 0U);
  BOOST_TEST(ec.value() == EPERM);
  BOOST_TEST(map.sum(field(&stats::level), ec) == 0);
  BOOST_TEST(ec.value() == EPERM);
  BOOST_TEST(map.top(5, field(&stats::level), ec).empty());
  BOOST_TEST(ec.value() == EPERM);
  BOOST_TEST(test::has(test::message_of([&] { (void)map.sum(field(&stats::level)); }), "sum on 'flows'"));
}

BOOST_AUTO_TEST_CASE(of_more_comparisons_than_a_program_takes_go_by_batch) {
  auto map = some_flows(20'000, 20'000);
  auto const many = one_of_many<7>();
  std::uint64_t expected = 0;
  for (auto const& [k, v] : map) expected += v.port < 150 ? 1U : 0U;
  BOOST_TEST(map.count_if(many) == expected);
  BOOST_TEST(map.walked_by() == bulk_path::batch);
  map.set_bulk_path(bulk_path::in_kernel);
  BOOST_TEST(map.count_if(one_of_many<5>()) == expected);
  std::error_code ec;
  BOOST_TEST(map.count_if(many, ec) == 0U);
  BOOST_TEST((ec == std::errc::argument_list_too_long));
}

BOOST_AUTO_TEST_CASE(reach_members_far_behind) {
  struct far {
    std::array<std::uint8_t, 40'000> before;
    std::int16_t there;
  };
  auto map = bpfmap::array<far>::create({.max_entries = 10});
  auto value_at = [](int i) {
    static far made{};
    made.there = static_cast<std::int16_t>(-i);
    return made;
  };
  for (std::uint32_t i = 0; i < 10; ++i) map.assign(i, value_at(static_cast<int>(i)));
  map.set_bulk_path(bulk_path::in_kernel);
  BOOST_TEST(map.count_if(field(&far::there) <= -5) == 5U);
  BOOST_TEST(map.sum(field(&far::there)) == -45);
}

BOOST_AUTO_TEST_SUITE_END()
