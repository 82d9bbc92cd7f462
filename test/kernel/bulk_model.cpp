// SPDX-License-Identifier: MIT
// Random calls on many keys, each on maps that go different ways, beside a container of the standard library: all must
// give the same results, the same errors, and stop at the same key.
#include "../support/kernel.hpp"
#include "../support/randomness.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

namespace ut = boost::unit_test;
using bpfmap::bulk_path;
using bpfmap::bulk_result;
using bpfmap::key_bits;
using test::randomness;

namespace {

enum class operation : std::uint8_t { find, insert, assign, insert_or_assign, erase };

/// What one call gave.
template <class Value>
struct outcome {
  bulk_result progress;
  int error = 0;
  std::vector<bool> which;
  std::vector<Value> values;

  friend bool operator==(outcome const&, outcome const&) = default;
};

template <class Value>
outcome<Value> taken(bulk_result progress, std::error_code ec, key_bits const& bits, std::vector<Value> values) {
  outcome<Value> all{progress, ec.value(), {}, std::move(values)};
  for (std::size_t i = 0; i < bits.size(); ++i) all.which.push_back(bits[i]);
  // What stands behind an error is not spoken of.
  if (!all.values.empty()) all.values.resize(progress.handled);
  return all;
}

template <class Map>
class comparison {
  using key_type = typename Map::key_type;
  using mapped_type = typename Map::mapped_type;
  using result = outcome<mapped_type>;
  static constexpr bool has_insert = bpfmap::insertable<Map::type>;
  static constexpr bool has_erase = bpfmap::erasable<Map::type>;

 public:
  comparison(std::uint32_t max_entries, std::uint32_t flags, bool programs) : capacity_(max_entries) {
    for (bulk_path const path : {bulk_path::single, bulk_path::batch, bulk_path::in_kernel, bulk_path::automatic}) {
      if (path == bulk_path::in_kernel && !programs) continue;
      maps_.push_back(Map::create({.name = "bulk", .max_entries = max_entries, .flags = flags}));
      maps_.back().set_bulk_path(path);
      paths_.push_back(path);
    }
    if constexpr (!has_erase) {
      for (std::uint32_t i = 0; i < max_entries; ++i) all_.emplace(key_of(i), mapped_type{});
    }
  }

  /// `calls` random calls of these many keys, out of `universe` of them.
  void run(std::uint32_t calls, std::vector<std::uint32_t> const& sizes, std::uint32_t universe) {
    for (std::uint32_t i = 0; i < calls; ++i) {
      one(sizes[random_.below(static_cast<std::uint32_t>(sizes.size()))], universe);
      BOOST_REQUIRE_MESSAGE(wrong_.empty(), wrong_ << " in call " << i << " of seed " << random_.seed());
    }
    for (Map const& map : maps_) {
      if constexpr (Map::traits.key != bpfmap::key_kind::index) BOOST_TEST(map.size() == all_.size());
      for (auto const& [key, value] : map) {
        auto const at = all_.find(key);
        bool const same = at != all_.end() && at->second == value;
        BOOST_TEST_REQUIRE(same, "an element of a map is another one in the model");
      }
    }
  }

 private:
  // Every byte of a key counts, and of keys of one byte there are few.
  static key_type key_of(std::uint32_t number) {
    key_type key{};
    auto* const bytes = reinterpret_cast<unsigned char*>(&key);
    std::memcpy(bytes, &number, std::min(sizeof key, sizeof number));
    if constexpr (Map::traits.key == bpfmap::key_kind::bytes && sizeof(key_type) > 8) {
      for (std::size_t i = 4; i < sizeof key; ++i) bytes[i] = static_cast<unsigned char>(number * 31 + i);
    }
    return key;
  }
  mapped_type any_value() {
    mapped_type value{};
    if constexpr (std::is_integral_v<mapped_type>) {
      value = static_cast<mapped_type>(random_.below(~0U));
    } else {
      std::memset(&value, static_cast<int>(random_.below(256)), sizeof value);
      std::uint32_t const first = random_.below(~0U);
      std::memcpy(&value, &first, std::min(sizeof value, sizeof first));
    }
    return value;
  }

  void one(std::uint32_t size, std::uint32_t universe) {
    auto const what = static_cast<operation>(random_.below(5));
    if (!has_erase && what == operation::erase) return;
    if (!has_insert && what == operation::insert) return;
    keys_.clear();
    values_.clear();
    for (std::uint32_t i = 0; i < size; ++i) {
      keys_.push_back(key_of(random_.below(universe)));
      values_.push_back(any_value());
    }
    result const expected = in_model(what);
    for (std::size_t i = 0; i < maps_.size(); ++i) {
      // Ways that do not exist are tested elsewhere.
      bool const batched = what == operation::insert_or_assign || what == operation::erase;
      if (paths_[i] == bulk_path::batch) maps_[i].set_bulk_path(batched ? bulk_path::batch : bulk_path::single);
      result const got = in_map(maps_[i], what);
      if (!(got == expected) && wrong_.empty()) {
        wrong_ = std::string(to_string(paths_[i])) + ": operation " + std::to_string(static_cast<int>(what)) + " on " +
                 std::to_string(size) + " keys: matched " + std::to_string(got.progress.matched) + "/" +
                 std::to_string(expected.progress.matched) + ", handled " + std::to_string(got.progress.handled) + "/" +
                 std::to_string(expected.progress.handled) + ", errno " + std::to_string(got.error) + "/" +
                 std::to_string(expected.error) + (got.which != expected.which ? ", other bits" : "") +
                 (got.values != expected.values ? ", other values" : "");
      }
    }
  }

  result in_map(Map const& map, operation what) {
    std::error_code ec;
    key_bits bits;
    switch (what) {
      case operation::find: {
        std::vector<mapped_type> out(keys_.size(), any_value());
        bulk_result const progress = map.find(keys_, out, bits, ec);
        return taken(progress, ec, bits, std::move(out));
      }
      case operation::insert:
        if constexpr (has_insert) return taken<mapped_type>(map.insert(keys_, values_, bits, ec), ec, bits, {});
        return {};
      case operation::assign:
        return taken<mapped_type>(map.assign(keys_, values_, bits, ec), ec, bits, {});
      case operation::insert_or_assign:
        return taken<mapped_type>(map.insert_or_assign(keys_, values_, ec), ec, bits, {});
      case operation::erase:
        if constexpr (has_erase) return taken<mapped_type>(map.erase(keys_, bits, ec), ec, bits, {});
        return {};
    }
    return {};
  }

  result in_model(operation what) {
    result expected;
    if (what != operation::insert_or_assign) expected.which.assign(keys_.size(), false);
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      auto const at = all_.find(keys_[i]);
      bool const present = at != all_.end();
      bool matched = present;
      bool const full = !present && (all_.size() == capacity_ || !has_erase);
      if (what == operation::find) {
        expected.values.push_back(present ? at->second : mapped_type{});
      } else if (what == operation::erase) {
        if (present) all_.erase(at);
      } else if (what == operation::assign) {
        if (present) at->second = values_[i];
      } else if (what == operation::insert_or_assign || !present) {
        if (full) {
          expected.error = Map::traits.errnos.full;
          return expected;
        }
        all_[keys_[i]] = values_[i];
        matched = true;
      } else {
        matched = false;
      }
      expected.progress.matched += matched ? 1 : 0;
      ++expected.progress.handled;
      if (what != operation::insert_or_assign) expected.which[i] = matched;
    }
    return expected;
  }

  std::uint32_t capacity_;
  std::vector<Map> maps_;
  std::vector<bulk_path> paths_;
  std::map<key_type, mapped_type> all_;
  std::vector<key_type> keys_;
  std::vector<mapped_type> values_;
  std::string wrong_;
  randomness random_;
};

bool has_programs() { return test::running_kernel() >= bpfmap::kernel_version{5, 14}; }
// Programs that may sleep, as these do, take hashes without preallocation since 6.1.
bool has_programs_without_preallocation() { return test::running_kernel() >= bpfmap::kernel_version{6, 1}; }

template <std::size_t Bytes>
using bytes = std::array<std::uint8_t, Bytes>;

std::vector<std::uint32_t> const small{0, 1, 2, 3, 17};
std::vector<std::uint32_t> const edges{0, 1, 2, 1023, 1024, 1025};

}  // namespace

BOOST_AUTO_TEST_SUITE(bulk_model, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(numbers_by_numbers_in_a_map_that_is_often_full) {
  comparison<bpfmap::hash<std::uint32_t, std::uint64_t>> maps(700, 0, has_programs());
  maps.run(65'000, small, 1500);
  maps.run(500, edges, 1500);
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_keys_at_once) {
  comparison<bpfmap::hash<std::uint32_t, std::uint64_t>> maps(60'000, 0, has_programs());
  maps.run(10, {100'000}, 70'000);
}

BOOST_AUTO_TEST_CASE(keys_and_values_of_a_byte) {
  comparison<bpfmap::hash<std::uint8_t, std::uint8_t>> maps(200, 0, has_programs());
  maps.run(15'000, small, 256);
  maps.run(100, edges, 256);
}

BOOST_AUTO_TEST_CASE(keys_and_values_of_odd_sizes) {
  comparison<bpfmap::hash<bytes<7>, bytes<13>>> maps(700, 0, has_programs());
  maps.run(12'000, small, 1500);
  maps.run(100, edges, 1500);
}

BOOST_AUTO_TEST_CASE(the_largest_keys_and_values_that_programs_take) {
  comparison<bpfmap::hash<bytes<512>, bytes<4096>>> maps(300, 0, has_programs());
  maps.run(3'000, small, 600);
  maps.run(10, edges, 600);
}

BOOST_AUTO_TEST_CASE(memory_taken_as_elements_come) {
  comparison<bpfmap::hash<std::uint32_t, bytes<40>>> maps(700, bpfmap::map_flags::no_prealloc,
                                                          has_programs_without_preallocation());
  maps.run(5'000, small, 1500);
  maps.run(100, edges, 1500);
}

BOOST_AUTO_TEST_CASE(arrays_with_indices_out_of_range) {
  comparison<bpfmap::array<bytes<12>>> maps(1000, 0, has_programs());
  maps.run(5'000, small, 1010);
  maps.run(100, edges, 1001);
}

BOOST_AUTO_TEST_SUITE_END()
