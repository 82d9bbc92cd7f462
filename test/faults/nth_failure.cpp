// SPDX-License-Identifier: MIT
// Whatever fails once, at whatever moment: an error or success, nothing lost, no leak, and the next try succeeds.
#include "../support/kernel.hpp"
#include "every_failure.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "../../bpf/events.h"

namespace test {
std::string object_path(std::string const& name);
}

namespace ut = boost::unit_test;
using faults::every_failure_of;
using faults::scenario;

namespace {

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;
using hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;
using drops = bpfmap::percpu_array<std::uint64_t>;
using routes = bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv4>, std::uint64_t>;
using elements = std::vector<std::pair<std::uint32_t, std::uint64_t>>;

constexpr std::uint32_t many = 1000;

struct numbers {
  std::vector<std::uint32_t> keys = std::vector<std::uint32_t>(many);
  std::vector<std::uint64_t> values = std::vector<std::uint64_t>(many);

  numbers() {
    std::iota(keys.begin(), keys.end(), 0U);
    std::iota(values.begin(), values.end(), 0U);
  }
};

template <class Map>
Map empty_map() {
  return Map::create({.name = "faults", .max_entries = many + 200});
}

template <class Map>
Map filled_map() {
  Map map = empty_map<Map>();
  numbers const all;
  for (std::uint32_t i = 0; i < many; ++i) map.insert_or_assign(all.keys[i], all.values[i]);
  return map;
}

/// A call on a map; `Call` says what.
template <class Map, class Call>
class on_map final : public scenario {
 public:
  on_map(Map map, Call call) : map_(std::move(map)), call_(std::move(call)) {}
  void call() override { wrong_ = call_(map_); }
  std::string problem(bool succeeded) override { return succeeded ? wrong_ : std::string(); }

 private:
  Map map_;
  Call call_;
  std::string wrong_;
};

/// `call(map)` says what is wrong with its result.
template <class Map, class Call>
faults::tally every_failure_on(Map (*make)(), Call call) {
  return every_failure_of(
      [=]() -> std::unique_ptr<scenario> { return std::make_unique<on_map<Map, Call>>(make(), call); });
}

struct nothing {};
nothing no_map() { return {}; }

std::vector<std::byte> contents(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> const read{std::istreambuf_iterator<char>(file), {}};
  auto const* const first = reinterpret_cast<std::byte const*>(read.data());
  return {first, first + read.size()};
}

// What libbpf finds out about the kernel once for a process, it keeps, also where it was wrong for a moment.
nothing after_libbpf() {
  static std::string const path = test::object_path("counters");
  ::bpf_object* const object = ::bpf_object__open_file(path.c_str(), nullptr);
  ::bpf_object__load(object);
  ::bpf_object__close(object);
  return {};
}

std::string expect(bool holds, char const* what) { return holds ? std::string() : std::string(what); }

/// Takes all out of a map; what was not given must still be in it.
template <class Map>
class draining final : public scenario {
 public:
  draining() { taken_.reserve(4); }
  void call() override { map_.extract_all(taken_); }
  std::string problem(bool succeeded) override {
    elements all = taken_;
    std::size_t left = 0;
    for (auto const& [key, value] : map_) {
      all.emplace_back(key, value);
      ++left;
    }
    if (succeeded && left != 0) return "elements are left in the map";
    std::sort(all.begin(), all.end());
    if (all.size() != many) return std::to_string(all.size()) + " elements instead of 1000";
    for (std::uint32_t i = 0; i < many; ++i) {
      if (all[i].first != i || all[i].second != i) return "not the elements that were there";
    }
    return {};
  }

 private:
  Map map_ = filled_map<Map>();
  elements taken_;
};

/// Events of a program, sent before each call: whichever call receives them, none is lost.
class receiving final : public scenario {
 public:
  receiving() {
    object_.load();
    events_ = object_.map<bpfmap::perf_event_array<>>("events");
    reader_ = bpfmap::perf_reader<numbered_event>::open(events_);
    object_.global<std::uint32_t>("events_per_run") = 20;
    send();
  }
  void call() override {
    reader_.poll(std::chrono::milliseconds(0), [this](numbered_event const& event) { seen_.push_back(event.number); });
  }
  std::string problem(bool succeeded) override {
    // A call that came too late for some is followed by another.
    if (succeeded && seen_.size() != sent_) return std::to_string(seen_.size()) + " events of " + std::to_string(sent_);
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      if (seen_[i] != i) return "an event is missing, or was given twice";
    }
    if (reader_.lost() != 0) return "events are lost";
    return {};
  }

 private:
  void send() {
    object_.program("send").run({.where = bpfmap::cpu{0}});
    sent_ += 20;
  }

  bpfmap::object object_ = bpfmap::object::open(test::object_path("events"));
  bpfmap::perf_event_array<> events_;
  bpfmap::perf_reader<numbered_event> reader_;
  std::vector<std::uint64_t> seen_ = [] {
    std::vector<std::uint64_t> room;
    room.reserve(64);
    return room;
  }();
  std::size_t sent_ = 0;
};

// The kernel takes elements out in one step since Linux 5.14.
template <class Map>
bool taken_out(Map const& map) {
  static bool const extracts = test::running_kernel() >= bpfmap::kernel_version{5, 14};
  return extracts ? map.extract(1) == 2U : map.erase(1);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(nth_failure, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(of_creating_a_map) {
  every_failure_on(no_map, [](nothing) { return expect(empty_map<flows>().insert(1, 1), "nothing was inserted"); });
}

BOOST_AUTO_TEST_CASE(of_creating_a_per_cpu_map) {
  every_failure_on(no_map, [](nothing) { return expect(empty_map<hits>().insert(1, 1), "nothing was inserted"); });
}

BOOST_AUTO_TEST_CASE(of_creating_a_mapped_array) {
  every_failure_on(no_map, [](nothing) {
    auto table = bpfmap::array<std::uint64_t, bpfmap::mmapable>::create({.max_entries = 100});
    table.span()[7] = 7;
    return expect(table.at(7) == 7, "the memory is not the map's");
  });
}

BOOST_AUTO_TEST_CASE(of_creating_a_striped_array) {
  every_failure_on(no_map, [](nothing) {
    auto const counts = bpfmap::striped_array<std::uint64_t>::create({.max_entries = 100});
    return expect(counts.at(7) == 0, "not zero");
  });
}

BOOST_AUTO_TEST_CASE(of_opening_by_descriptor_and_id) {
  every_failure_on(empty_map<flows>, [](flows const& map) {
    auto const second = flows::from_fd(map.fd());
    auto const third = flows::from_id(map.id());
    auto const fourth = map.clone();
    return expect(second.id() == map.id() && third.id() == map.id() && fourth.id() == map.id(), "another map");
  });
}

BOOST_AUTO_TEST_CASE(of_pins) {
  every_failure_on(empty_map<flows>, [](flows const& map) {
    static test::private_bpffs const files;
    if (!files.mounted()) return std::string();
    std::string const path = files / "faults";
    struct unpinned {
      std::string const& path;
      ~unpinned() { ::unlink(path.c_str()); }
    } const afterwards{path};
    map.pin(path);
    bool const same = flows::open_pinned(path).id() == map.id();
    map.unpin(path);
    return expect(same, "another map");
  });
}

BOOST_AUTO_TEST_CASE(of_queues) {
  every_failure_on(
      +[] { return bpfmap::queue<std::uint64_t>::create({.max_entries = 10}); },
      [](bpfmap::queue<std::uint64_t> const& queue) {
        while (queue.pop()) continue;
        queue.push(7);
        return expect(queue.peek() == 7U && queue.pop() == 7U, "a wrong value");
      });
}

BOOST_AUTO_TEST_CASE(of_attaching_a_program) {
  static std::vector<std::byte> const bytes = contents(test::object_path("counters"));
  every_failure_on(
      +[] {
        after_libbpf();
        auto object = bpfmap::object::open(bytes);
        object.load();
        return object;
      },
      [](bpfmap::object const& object) {
        auto const link = object.program("count").attach();
        return expect(static_cast<bool>(link), "no link");
      });
}

BOOST_AUTO_TEST_CASE(of_loading_an_object) {
  // By its bytes: where libelf cannot begin, libbpf keeps the descriptor of a file that it has opened.
  static std::vector<std::byte> const bytes = contents(test::object_path("counters"));
  every_failure_on(after_libbpf, [](nothing) {
    auto object = bpfmap::object::open(bytes);
    object.global<std::uint32_t>("counted_key") = 9;
    object.load();
    auto const map = object.map<hits>("hits");
    object.program("count").run({});
    return expect(map.at(9) == 1 && object.global<std::uint64_t>("runs") == 1, "the program did not count");
  });
}

BOOST_AUTO_TEST_CASE(of_element_operations) {
  every_failure_on(empty_map<flows>, [](flows const& map) {
    map.insert_or_assign(1, 1);
    map.assign(1, 2);
    bool const right = map.at(1) == 2 && map.contains(1) && taken_out(map) && !map.erase(1);
    return expect(right, "a wrong value");
  });
}

BOOST_AUTO_TEST_CASE(of_element_operations_of_a_per_cpu_map) {
  every_failure_on(empty_map<hits>, [](hits const& map) {
    map.insert_or_assign(1, 1);
    map.assign(1, 2);
    bool const right = map.at(1) == 2 && map.contains(1) && taken_out(map) && !map.erase(1);
    return expect(right, "a wrong value");
  });
}

BOOST_AUTO_TEST_CASE(of_walks) {
  every_failure_on(filled_map<flows>, [](flows const& map) {
    std::uint64_t sum = 0;
    std::uint64_t count = 0;
    for (auto const& [key, value] : map) sum += value, ++count;
    bool right = sum == std::uint64_t{many} * (many - 1) / 2 && count == many;
    sum = 0;
    map.for_each([&](std::uint32_t, std::uint64_t value) { sum += value; });
    right = right && sum == std::uint64_t{many} * (many - 1) / 2;
    return expect(right, "elements are missing, or came twice");
  });
}

BOOST_AUTO_TEST_CASE(of_walks_over_a_per_cpu_map) {
  every_failure_on(filled_map<hits>, [](hits const& map) {
    std::uint64_t sum = 0;
    for (auto const& [key, value] : map) sum += value;
    return expect(sum == std::uint64_t{many} * (many - 1) / 2, "elements are missing, or came twice");
  });
}

BOOST_AUTO_TEST_CASE(of_walks_in_the_kernel) {
  every_failure_on(filled_map<flows>, [](flows const& map) {
    std::uint64_t sum = 0;
    for (std::uint64_t const value : map.values(bpfmap::walk::in_kernel)) sum += value;
    return expect(sum == std::uint64_t{many} * (many - 1) / 2, "elements are missing, or came twice");
  });
}

BOOST_AUTO_TEST_CASE(of_questions_to_the_kernel) {
  every_failure_on(filled_map<flows>, [](flows const& map) {
    return expect(
        map.count_if(bpfmap::value() < 100U) == 100 && map.sum(bpfmap::value()) == std::uint64_t{many} * (many - 1) / 2,
        "a wrong answer");
  });
}

BOOST_AUTO_TEST_CASE(of_walks_over_a_trie) {
  every_failure_on(
      +[] {
        auto map = empty_map<routes>();
        for (std::uint8_t i = 0; i < 100; ++i) map.insert({bpfmap::ipv4(10, i, 0, 0), 16}, i);
        return map;
      },
      [](routes const& map) {
        std::uint64_t sum = 0;
        for (auto const& [key, value] : map) sum += value;
        return expect(sum == 4950 && map.size() == 100, "elements are missing, or came twice");
      });
}

BOOST_AUTO_TEST_CASE(of_calls_on_many_keys) {
  static numbers const all;
  every_failure_on(empty_map<flows>, [](flows const& map) {
    map.insert_or_assign(all.keys, all.values);
    std::vector<std::uint64_t> found(many);
    bool const right = map.find(all.keys, found).matched == many && found == all.values;
    map.erase(all.keys);
    return expect(right && map.empty(), "a wrong value");
  });
}

BOOST_AUTO_TEST_CASE(of_taking_everything_out) {
  every_failure_of([] { return std::make_unique<draining<flows>>(); });
}

BOOST_AUTO_TEST_CASE(of_taking_everything_out_of_a_per_cpu_map) {
  every_failure_of([] { return std::make_unique<draining<hits>>(); });
}

BOOST_AUTO_TEST_CASE(of_clearing) {
  every_failure_on(filled_map<flows>, [](flows const& map) {
    map.clear();
    return expect(map.empty(), "elements are left");
  });
}

BOOST_AUTO_TEST_CASE(of_size) {
  every_failure_on(
      +[] {
        // So large that the kernel's counter is worth its set-up.
        auto map = flows::create({.name = "faults", .max_entries = 30'000});
        std::vector<std::uint32_t> keys(25'000);
        std::iota(keys.begin(), keys.end(), 0U);
        map.insert_or_assign(keys, std::vector<std::uint64_t>(25'000));
        return map;
      },
      [](flows const& map) { return expect(map.size() == 25'000, "a wrong count"); });
}

BOOST_AUTO_TEST_CASE(of_the_size_of_a_queue) {
  every_failure_on(
      +[] {
        auto queue = bpfmap::queue<std::uint64_t>::create({.max_entries = 10});
        queue.push(1);
        queue.push(2);
        return queue;
      },
      [](bpfmap::queue<std::uint64_t> const& queue) { return expect(queue.size() == 2, "a wrong count"); });
}

BOOST_AUTO_TEST_CASE(of_totals) {
  every_failure_on(
      +[] {
        auto map = drops::create({.max_entries = many});
        for (std::uint32_t i = 0; i < many; ++i) map.insert_or_assign(i, i);
        return map;
      },
      [](drops const& map) {
        std::vector<std::uint64_t> all(many);
        map.totals(all);
        return expect(std::accumulate(all.begin(), all.end(), std::uint64_t{0}) == std::uint64_t{many} * (many - 1) / 2,
                      "a wrong sum");
      });
}

BOOST_AUTO_TEST_CASE(of_opening_a_perf_reader) {
  every_failure_on(
      +[] { return bpfmap::perf_event_array<>::create({.name = "faults"}); },
      [](bpfmap::perf_event_array<> const& map) {
        auto const reader = bpfmap::perf_reader<numbered_event>::open(map);
        return expect(reader.cpu_count() != 0, "no buffer");
      });
}

BOOST_AUTO_TEST_CASE(of_receiving_events) {
  every_failure_of([] { return std::make_unique<receiving>(); });
}

BOOST_AUTO_TEST_SUITE_END()
