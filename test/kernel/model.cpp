// SPDX-License-Identifier: MIT
// Random operations on each type beside a container of the standard library that must agree after every one.
#include "../support/kernel.hpp"
#include "../support/randomness.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

namespace ut = boost::unit_test;
using bpfmap::counting;
using bpfmap::ipv4;
using bpfmap::lpm_key;
using test::randomness;

namespace {

constexpr std::uint32_t operations = 10'000;

template <class Key>
using model = std::map<Key, std::uint64_t>;

/// Keys of hashes and indices of arrays, some more than there is room for.
struct numbers {
  using key_type = std::uint32_t;
  std::uint32_t bound;

  key_type any(randomness& random) const { return random.below(bound); }
  static std::optional<std::uint64_t> found(model<key_type> const& all, key_type key) {
    auto const at = all.find(key);
    return at == all.end() ? std::nullopt : std::optional(at->second);
  }
};

/// Prefixes that nest often. Lookups are by longest match.
struct prefixes {
  using key_type = lpm_key<ipv4>;

  static key_type any(randomness& random) {
    std::uint8_t const byte = static_cast<std::uint8_t>(random.below(4) << 6);
    return {ipv4(10, byte, static_cast<std::uint8_t>(random.below(2) << 7), 0), random.below(33)};
  }
  static std::optional<std::uint64_t> found(model<key_type> const& all, key_type key) {
    for (std::uint32_t length = key.length() + 1; length-- > 0;) {
      if (auto const at = all.find(key_type(key.address(), length)); at != all.end()) return at->second;
    }
    return std::nullopt;
  }
};

/// How size() counts such a map once it was asked often.
counting best_count(bpfmap::map_type type) {
  counting const best = bpfmap::traits_of(type).count;
  bool const too_old = best == counting::kernel_counter && test::running_kernel() < bpfmap::kernel_version{6, 6};
  return too_old ? counting::batch_walk : best;
}

template <class Map, class Keys>
class comparison {
  using key_type = typename Keys::key_type;
  static constexpr bpfmap::map_type type = Map::type;

 public:
  comparison(Map const& map, Keys const& keys, model<key_type> at_first = {})
      : map_(map), keys_(keys), all_(std::move(at_first)) {}

  void run() {
    for (std::uint32_t i = 0; i < operations && good_; ++i) {
      one();
      check(map_.size() == all_.size(), "size");
      if (i % 512 == 0) compare_all();
      BOOST_REQUIRE_MESSAGE(good_, failed_ << " differs after operation " << i << " of seed " << random_.seed());
    }
    compare_all();
    BOOST_TEST(good_, failed_);
    BOOST_TEST(map_.counted_by() == best_count(type));
  }

 private:
  void check(bool holds, char const* what) {
    if (!holds && good_) failed_ = what;
    good_ = good_ && holds;
  }

  // What `write` gives, which must fail if and only if the key needs room and there is none.
  template <class Write>
  auto written(bool adds, Write const& write) {
    bool const full = adds && all_.size() == map_.max_size() && !map_.traits.evicts;
    std::error_code ec;
    if constexpr (std::is_void_v<decltype(write(ec))>) {
      write(ec);
      check(ec.value() == (full ? map_.traits.errnos.full : 0), "the error of insert_or_assign");
      return !full;
    } else {
      bool const done = write(ec);
      check(ec.value() == (full ? map_.traits.errnos.full : 0), "the error of insert");
      return done;
    }
  }

  void one() {
    auto const key = keys_.any(random_);
    std::uint64_t const value = random_.below(1'000'000);
    auto const there = all_.find(key);
    bool const present = there != all_.end();
    switch (random_.below(7)) {
      case 0:
        return check(map_.find(key) == Keys::found(all_, key), "find");
      case 1:
        return check(map_.contains(key) == Keys::found(all_, key).has_value(), "contains");
      case 2:
        if constexpr (bpfmap::insertable<type>) {
          bool const added = written(!present, [&](std::error_code& ec) { return map_.insert(key, value, ec); });
          check(added == (!present && (all_.size() < map_.max_size() || map_.traits.evicts)), "insert");
          if (added) all_.emplace(key, value);
        }
        return;
      case 3:
        check(map_.assign(key, value) == present, "assign");
        if (present) there->second = value;
        return;
      case 4:
        if (written(!present, [&](std::error_code& ec) { map_.insert_or_assign(key, value, ec); })) all_[key] = value;
        return;
      case 5:
        if constexpr (bpfmap::erasable<type>) {
          check(map_.erase(key) == present, "erase");
          all_.erase(key);
        }
        return;
      default:
        if constexpr (bpfmap::extractable<type>) {
          if (test::running_kernel() < bpfmap::kernel_version{5, 14}) return;
          check(map_.extract(key) == Keys::found(all_, key), "extract");
          all_.erase(key);
        }
    }
  }

  void compare_all() {
    model<key_type> walked;
    for (auto const& [key, value] : map_) check(walked.emplace(key, value).second, "a key came twice: the walk");
    check(walked == all_, "what a walk gives");
    check(map_.empty() == all_.empty(), "empty");
  }

  Map const& map_;
  Keys keys_;
  model<key_type> all_;
  randomness random_;
  bool good_ = true;
  char const* failed_ = "";
};

template <class Map>
void hash_agrees(std::uint32_t flags = 0) {
  // LRU maps evict before they are full: there they have room to spare.
  constexpr std::uint32_t room = Map::traits.evicts ? 4096 : 200;
  auto const map = Map::create({.name = "model", .max_entries = room, .flags = flags});
  comparison(map, numbers{300}).run();
}

template <class Map>
void array_agrees() {
  auto const map = Map::create({.name = "model", .max_entries = 64});
  model<std::uint32_t> zeros;
  for (std::uint32_t i = 0; i < 64; ++i) zeros.emplace(i, 0);
  comparison(map, numbers{64}, zeros).run();
}

/// Takes from the end that `List` takes from.
template <class List>
void list_agrees() {
  constexpr std::uint32_t room = 50;
  constexpr bool oldest_first = List::type == bpfmap::map_type::queue;
  auto const list = List::create({.name = "model", .max_entries = room});
  std::deque<std::uint64_t> all;
  randomness random;
  auto const next = [&]() -> std::optional<std::uint64_t> {
    if (all.empty()) return std::nullopt;
    return oldest_first ? all.front() : all.back();
  };
  for (std::uint32_t i = 0; i < operations; ++i) {
    bool good = true;
    std::uint64_t const value = random.below(1'000'000);
    // A tide, so that it is empty and full now and then.
    switch (random.below(i / 500 % 2 == 0 ? 4 : 6)) {
      case 0:
      case 1:
        good = list.push(value) == (all.size() < room);
        if (all.size() < room) all.push_back(value);
        break;
      case 2:
        list.push(value, bpfmap::displacing);
        if (all.size() == room) all.pop_front();
        all.push_back(value);
        break;
      case 3:
        good = list.peek() == next();
        break;
      default:
        good = list.pop() == next();
        if (!all.empty()) oldest_first ? all.pop_front() : all.pop_back();
    }
    good = good && list.size() == all.size() && list.empty() == all.empty();
    BOOST_REQUIRE_MESSAGE(good, "differs after operation " << i << " of seed " << random.seed());
  }
  BOOST_TEST(list.counted_by() == counting::kernel_field);
}

/// Each write waits for the kernel's grace period of some milliseconds, so most go in and out in bulk. Before Linux 6.8
/// those waited for each element too: there are fewer operations there.
template <class Outer, class Inner>
void maps_agree(Outer const& map, std::vector<Inner> const& inners, std::uint32_t bound) {
  using key_type = typename Outer::key_type;
  model<key_type> all;  // to the ids of maps
  randomness random;
  std::uint32_t const enough = test::running_kernel() < bpfmap::kernel_version{6, 8} ? 300 : operations;
  std::uint32_t done = 0;
  for (std::uint32_t i = 0; done < enough; ++i) {
    key_type const key = random.below(bound);
    bool const present = all.contains(key);
    bool good = true;
    std::vector<key_type> keys;
    std::vector<Inner> values;
    for (std::uint32_t n = random.below(2 * bound); n > 0; --n) keys.push_back(random.below(bound));
    switch (random.below(30)) {
      case 0:
      case 1:
      case 2:
        for (key_type const each : keys) {
          Inner const& inner = inners[random.below(static_cast<std::uint32_t>(inners.size()))];
          values.push_back(inner.clone());
          all[each] = inner.id();
        }
        good = map.insert_or_assign(keys, values) == keys.size();
        done += static_cast<std::uint32_t>(keys.size());
        break;
      case 3:
        if constexpr (bpfmap::insertable<Outer::type>) {
          keys.resize(std::min<std::size_t>(keys.size(), 20));  // each that is not there costs a call of its own
          std::uint64_t there = 0;
          for (key_type const each : keys) there += all.erase(each);
          good = map.erase(keys) == there;
          done += static_cast<std::uint32_t>(keys.size());
        } else {
          good = map.erase(key) == present;
          all.erase(key);
          ++done;
        }
        break;
      case 4:
        map.insert_or_assign(key, inners[0]);
        all[key] = inners[0].id();
        ++done;
        break;
      case 5:
        if constexpr (bpfmap::insertable<Outer::type>) {
          good = map.insert(key, inners[1]) == !present && map.assign(key, inners[2]);
          all[key] = inners[2].id();
          done += 2;
        }
        break;
      default:
        auto const found = map.find(key);
        good = found.has_value() == present && (!present || found->id() == all[key]) && map.contains(key) == present;
        done += 2;
    }
    model<key_type> walked;
    for (auto const& [at, id] : map) walked.emplace(at, id);
    good = good && walked == all;
    if constexpr (bpfmap::countable<Outer::type>) good = good && map.size() == all.size();
    BOOST_REQUIRE_MESSAGE(good, "differs after step " << i << " of seed " << random.seed());
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(models, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(a_hash_agrees_with_std_map) {
  hash_agrees<bpfmap::hash<std::uint32_t, std::uint64_t>>();
  hash_agrees<bpfmap::hash<std::uint32_t, std::uint64_t>>(bpfmap::map_flags::no_prealloc);
}
BOOST_AUTO_TEST_CASE(an_lru_hash_agrees_with_std_map) { hash_agrees<bpfmap::lru_hash<std::uint32_t, std::uint64_t>>(); }
BOOST_AUTO_TEST_CASE(a_percpu_hash_agrees_with_std_map) {
  hash_agrees<bpfmap::percpu_hash<std::uint32_t, std::uint64_t>>();
}
BOOST_AUTO_TEST_CASE(an_lru_percpu_hash_agrees_with_std_map) {
  hash_agrees<bpfmap::lru_percpu_hash<std::uint32_t, std::uint64_t>>();
}
BOOST_AUTO_TEST_CASE(an_rhash_agrees_with_std_map, *ut::precondition(test::since{{7, 2}})) {
  hash_agrees<bpfmap::rhash<std::uint32_t, std::uint64_t>>();
}
BOOST_AUTO_TEST_CASE(an_array_agrees_with_std_map) { array_agrees<bpfmap::array<std::uint64_t>>(); }
BOOST_AUTO_TEST_CASE(a_percpu_array_agrees_with_std_map) { array_agrees<bpfmap::percpu_array<std::uint64_t>>(); }
BOOST_AUTO_TEST_CASE(an_lpm_trie_agrees_with_std_map) {
  // Older kernels refuse to replace a value in a full trie: there it has room for all.
  std::uint32_t const room = test::running_kernel() < bpfmap::kernel_version{6, 1} ? 300 : 30;
  auto const trie = bpfmap::lpm_trie<lpm_key<ipv4>, std::uint64_t>::create({.name = "model", .max_entries = room});
  comparison(trie, prefixes{}).run();
}
BOOST_AUTO_TEST_CASE(a_queue_agrees_with_std_deque) { list_agrees<bpfmap::queue<std::uint64_t>>(); }
BOOST_AUTO_TEST_CASE(a_stack_agrees_with_std_deque) { list_agrees<bpfmap::stack<std::uint64_t>>(); }

BOOST_AUTO_TEST_CASE(maps_of_maps_agree_with_std_map, *ut::precondition(test::since{{5, 19}})) {
  using cells = bpfmap::array<std::uint32_t>;
  std::vector<cells> inners;
  for (int i = 0; i < 5; ++i) inners.push_back(cells::create({.max_entries = 1}));
  maps_agree(bpfmap::hash_of_maps<std::uint32_t, cells>::create({.name = "model", .max_entries = 256}, inners[0]),
             inners, 256);
  maps_agree(bpfmap::array_of_maps<cells>::create({.name = "model", .max_entries = 256}, inners[0]), inners, 256);
}

BOOST_AUTO_TEST_SUITE_END()
