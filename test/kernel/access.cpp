// SPDX-License-Identifier: MIT
// Maps that were opened for reading or for writing alone.
#include "../support/kernel.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ut = boost::unit_test;
using bpfmap::access;
using bpfmap::map_flags::mmapable;

namespace {

using numbers = bpfmap::hash<std::uint32_t, std::uint64_t>;
using table = bpfmap::array<std::uint64_t>;
using hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;
using jobs = bpfmap::queue<std::uint32_t>;

// So many that programs of bpfmap's own work on them where they may: those would not ask the descriptor.
constexpr std::uint32_t many = 20'000;

struct watched {
  test::no_leak leaks;
  test::private_bpffs bpffs;

  watched() { BOOST_REQUIRE(bpffs.mounted()); }
};

/// Keys and values of a map that is filled.
struct elements {
  std::vector<std::uint32_t> keys;
  std::vector<std::uint64_t> values;

  explicit elements(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      keys.push_back(i);
      values.push_back(i + 1);
    }
  }
};

struct call {
  std::string name;
  std::function<void()> make;
};

void all_are_refused(std::vector<call> const& calls, char const* why) {
  for (call const& each : calls) {
    BOOST_TEST_CONTEXT(each.name) {
      auto const text = test::message_of(each.make);
      BOOST_TEST(test::has(text, each.name + " on "), text);
      BOOST_TEST(test::has(text, std::string("[EPERM]: ") + why), text);
    }
  }
}

std::vector<call> reads_of(numbers const& map, elements& of) {
  using bpfmap::value;
  return {
      {"find", [&] { (void)map.find(1); }},
      {"at", [&] { (void)map.at(1); }},
      {"contains", [&] { (void)map.contains(1); }},
      {"entries", [&] { (void)map.begin(); }},
      {"entries", [&] { (void)map.entries(bpfmap::walk::in_kernel).begin(); }},
      {"keys", [&] { (void)map.keys().begin(); }},
      {"values", [&] { (void)map.values().begin(); }},
      {"for_each", [&] { map.for_each([](auto, auto) {}); }},
      {"count_if", [&] { (void)map.count_if(value() > 1U); }},
      {"sum", [&] { (void)map.sum(value()); }},
      {"sum_if", [&] { (void)map.sum_if(value(), value() > 1U); }},
      {"top", [&] { (void)map.top(3, value()); }},
      {"find", [&] { map.find(of.keys, of.values); }},
      {"empty", [&] { (void)map.empty(); }},
  };
}

std::vector<call> writes_of(numbers const& map, elements& of) {
  std::vector<call> all{
      {"insert", [&] { map.insert(1, 1); }},
      {"assign", [&] { map.assign(1, 1); }},
      {"insert_or_assign", [&] { map.insert_or_assign(1, 1); }},
      {"erase", [&] { map.erase(1); }},
      {"extract", [&] { (void)map.extract(1); }},
      {"insert", [&] { map.insert(of.keys, of.values); }},
      {"assign", [&] { map.assign(of.keys, of.values); }},
      {"insert_or_assign", [&] { map.insert_or_assign(of.keys, of.values); }},
      {"erase", [&] { map.erase(of.keys); }},
      {"clear", [&] { map.clear(); }},
      {"extract_all",
       [&] {
         std::vector<numbers::value_type> out;
         map.extract_all(out);
       }},
  };
  // Older kernels freeze a map through any descriptor.
  if (test::running_kernel() >= bpfmap::kernel_version{6, 12}) all.push_back({"freeze", [&] { map.freeze(); }});
  return all;
}

/// Runs `f` as a user without privileges, in the folder; gives what it returns, or 99.
template <class F>
int as_nobody(std::string const& folder, F const& f) {
  pid_t const child = ::fork();
  if (child == 0) {
    int result = 99;
    if (::chdir(folder.c_str()) == 0 && ::setgid(65534) == 0 && ::setuid(65534) == 0) {
      try {
        result = f();
      } catch (...) {
      }
    }
    ::_exit(result);
  }
  int status = 0;
  BOOST_REQUIRE(child > 0 && ::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(access_of_descriptors, watched, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(a_map_opened_for_reading_is_read_and_refuses_every_write) {
  auto const map = numbers::create({.name = "numbers", .max_entries = many});
  elements all(many);
  map.insert_or_assign(all.keys, all.values);
  map.pin(bpffs / "numbers");
  auto pinned = numbers::open_pinned(bpffs / "numbers", access::read_only);
  auto by_id = numbers::from_id(map.id(), access::read_only);
  for (numbers const* const reader : {&std::as_const(pinned), &std::as_const(by_id)}) {
    BOOST_TEST((reader->access_mode() == access::read_only));
    BOOST_TEST((reader->clone().access_mode() == access::read_only));
    BOOST_TEST(reader->at(7) == 8U);
    BOOST_TEST(reader->size() == many);
    std::vector<std::uint64_t> out(many);
    BOOST_TEST(reader->find(all.keys, out).matched == many);
    BOOST_TEST(reader->count_if(bpfmap::value() > 10'000U) == 10'000U);
    all_are_refused(writes_of(*reader, all), "the map was opened read-only");
    BOOST_TEST(map.size() == many);
    BOOST_TEST(map.at(1) == 2U);
  }
  map.unpin(bpffs / "numbers");
}

BOOST_AUTO_TEST_CASE(a_map_opened_for_writing_is_written_and_refuses_every_read) {
  auto const map = numbers::create({.name = "numbers", .max_entries = many});
  elements all(many);
  map.pin(bpffs / "numbers");
  auto const pinned = numbers::open_pinned(bpffs / "numbers", access::write_only);
  auto const by_id = numbers::from_id(map.id(), access::write_only);
  for (numbers const* const writer : {&pinned, &by_id}) {
    BOOST_TEST((writer->access_mode() == access::write_only));
    BOOST_TEST(writer->insert_or_assign(all.keys, all.values).matched == many);
    writer->insert_or_assign(1, 77);
    BOOST_TEST(map.at(1) == 77U);
    all_are_refused(reads_of(*writer, all), "the map was opened write-only");
  }
  map.unpin(bpffs / "numbers");
}

BOOST_AUTO_TEST_CASE(forcing_a_way_does_not_get_around_a_descriptor) {
  auto const map = numbers::create({.name = "numbers", .max_entries = many});
  elements all(100);
  map.insert_or_assign(all.keys, all.values);
  auto reader = numbers::from_id(map.id(), access::read_only);
  auto writer = numbers::from_id(map.id(), access::write_only);
  for (auto const path : {bpfmap::bulk_path::in_kernel, bpfmap::bulk_path::batch, bpfmap::bulk_path::single}) {
    reader.set_bulk_path(path);
    writer.set_bulk_path(path);
    std::error_code ec;
    BOOST_TEST(reader.insert_or_assign(all.keys, all.values, ec).handled == 0U);
    BOOST_TEST(ec.value() == EPERM);
    BOOST_TEST(reader.erase(all.keys, ec).handled == 0U);
    BOOST_TEST(ec.value() == EPERM);
    BOOST_TEST(writer.count_if(bpfmap::value() > 0U, ec) == 0U);
    BOOST_TEST(ec.value() == EPERM);
  }
  BOOST_TEST(map.size() == 100U);
}

BOOST_AUTO_TEST_CASE(maps_of_every_kind_are_opened_for_reading) {
  auto const counts = hits::create({.name = "hits", .max_entries = 8});
  counts.insert_or_assign(1, 5);
  auto const reader = hits::from_id(counts.id(), access::read_only);
  BOOST_TEST(reader.at(1) == 5U);
  BOOST_TEST(test::has(test::message_of([&] { reader.insert_or_assign(1, 1); }), "opened read-only"));
  auto const list = jobs::create({.name = "jobs", .max_entries = 8});
  list.push(3);
  auto const watcher = jobs::from_id(list.id(), access::read_only);
  BOOST_TEST(watcher.peek().value() == 3U);
  BOOST_TEST(test::has(test::message_of([&] { (void)watcher.pop(); }), "opened read-only"));
}

// The kernel maps no descriptor that may not write, also where nothing is to be written.
BOOST_AUTO_TEST_CASE(what_a_descriptor_for_reading_cannot_map_is_read_without) {
  auto const memory = table::create({.name = "table", .max_entries = 4, .flags = mmapable});
  memory.assign(2, 9);
  BOOST_TEST(table::from_id(memory.id(), access::read_only).at(2) == 9U);
  using mapped = bpfmap::array<std::uint64_t, bpfmap::mmapable>;
  using shown = bpfmap::array<std::uint64_t, bpfmap::mmapable_read_only>;
  auto const to_write = test::message_of([&] { (void)mapped::from_id(memory.id(), access::read_only); });
  BOOST_TEST(test::has(to_write, "a descriptor that may read and write"), to_write);
  auto const to_read = test::message_of([&] { (void)shown::from_id(memory.id(), access::read_only); });
  BOOST_TEST(test::has(to_read, "take array without it"), to_read);
}

// Older kernels keep bpf(2) as a whole from others where kernel.unprivileged_bpf_disabled is set.
BOOST_AUTO_TEST_CASE(a_user_without_privileges_reads_a_pin_that_all_may_read, *ut::precondition(test::since{{5, 19}})) {
  auto const map = numbers::create({.name = "numbers", .max_entries = many});
  elements const all(1000);
  map.insert_or_assign(all.keys, all.values);
  map.pin(bpffs / "numbers");
  BOOST_REQUIRE(::chmod((bpffs / "numbers").c_str(), 0444) == 0);
  BOOST_TEST(as_nobody(bpffs / "", [] {
               auto const reader = numbers::open_pinned("./numbers", access::read_only);
               if (reader.at(7) != 8 || reader.contains(1000) || reader.name() != "numbers") return 1;
               if (reader.size() != 1000) return 2;
               std::uint64_t sum = 0;
               for (auto const& [key, value] : reader) sum += value;
               if (sum != 500'500 || reader.sum(bpfmap::value()) != 500'500) return 3;
               std::vector<std::uint32_t> const keys(1000, 5);
               std::vector<std::uint64_t> out(1000);
               if (reader.find(keys, out).matched != 1000) return 4;
               std::error_code ec;
               reader.insert_or_assign(1, 1, ec);
               if (ec.value() != EPERM) return 5;
               reader.insert_or_assign(keys, out, ec);
               return ec.value() == EPERM ? 0 : 6;
             }) == 0);
  // And is told how, if it asks for more.
  BOOST_TEST(as_nobody(bpffs / "", [] {
               std::error_code ec;
               if (numbers::open_pinned("./numbers", ec) || ec.value() != EACCES) return 1;
               auto const text = test::message_of([] { (void)numbers::open_pinned("./numbers"); });
               return test::has(text, "open it with access::read_only") ? 0 : 2;
             }) == 0);
  BOOST_TEST(map.at(1) == 2U);
  map.unpin(bpffs / "numbers");
}

BOOST_AUTO_TEST_SUITE_END()
