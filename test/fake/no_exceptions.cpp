// SPDX-License-Identifier: MIT
// Every function with an error code, compiled with -fno-exceptions -fno-rtti: what a program without exceptions
// has is complete, and does the same. No test framework: those throw.
#include "fake_libbpf.hpp"
#include "heap.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <unistd.h>

#include <bpfmap/bpfmap.hpp>

static_assert(!bpfmap::throwing<>);

namespace {

using fake::call;

unsigned failures = 0;

void check(bool holds, char const* what, int line) {
  if (holds) return;
  ++failures;
  std::printf("no_exceptions.cpp(%d): %s\n", line, what);
}
#define CHECK(...) check(static_cast<bool>(__VA_ARGS__), #__VA_ARGS__, __LINE__)

// The throwing overloads do not exist: calling without an error code does not compile.
template <class M>
concept has_throwing_functions =
    requires(M const& map) { map.find(1); } || requires(M const& map) { map.at(1); } ||
    requires(M const& map) { map.contains(1); } || requires(M const& map) { map.size(); } ||
    requires(M const& map) { map.begin(); } || requires(M const& map) { map.keys(); } ||
    requires(M const& map) { map.freeze(); } || requires(M const& map) { map.pin("x"); } ||
    requires(M const& map) { map.clone(); } || requires { M::create({}); } || requires { M::from_fd(1); } ||
    requires { M::open_pinned("x"); };

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;
using hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;
using table = bpfmap::array<std::uint64_t>;
using drops = bpfmap::percpu_array<std::uint64_t>;
using events = bpfmap::perf_event_array<>;
using mapped = bpfmap::array<std::uint64_t, bpfmap::mmapable>;
using shown = bpfmap::array<std::uint64_t, bpfmap::mmapable_read_only>;

static_assert(!has_throwing_functions<flows> && !has_throwing_functions<hits> && !has_throwing_functions<table>);

struct guarded {
  bpf_spin_lock lock;
  std::uint32_t count;
};

template <class Map>
void elements_of(Map const& map) {
  std::error_code ec = bpfmap::make_error(ENOTTY);
  map.insert_or_assign(1, 10, ec);
  CHECK(!ec);
  CHECK(map.assign(1, 11, ec) && !ec);
  CHECK(map.find(1, ec) == 11U && !ec);
  CHECK(map.at(1, ec) == 11U && !ec);
  CHECK(map.contains(1, ec) && !ec);
  CHECK(map.at(1000, ec) == 0U && ec.value() == ENOENT);
  CHECK(!map.find(1000, ec) && !ec);
  CHECK(!map.assign(1000, 1, ec) && !ec);
  std::uint64_t sum = 0;
  for (auto const& [key, value] : map.entries(ec)) sum += value;
  CHECK(sum == 11 && !ec);
  sum = 0;
  for (auto const value : map.values(ec)) sum += value;
  CHECK(sum == 11 && !ec);
  unsigned ones = 0;
  for (auto const key : map.keys(ec)) ones += key == 1 ? 1U : 0U;
  CHECK(ones == 1 && !ec);
  CHECK(map.for_each([](auto&&...) {}, ec) == map.size(ec) && !ec);
  CHECK(map.for_each([](auto&&...) { return false; }, ec) == 1 && !ec);
  CHECK(!map.empty(ec) && !ec);
  if constexpr (requires { map.erase(1, ec); }) {
    CHECK(map.insert(2, 20, ec) && !ec);
    CHECK(!map.insert(2, 21, ec) && !ec);
    CHECK(map.extract(2, ec) == 20U && !ec);
    CHECK(!map.extract(2, ec) && !ec);
    CHECK(map.erase(1, ec) && !ec);
    CHECK(!map.erase(1, ec) && !ec);
  }
  for (call const which :
       {call::lookup, call::update, call::erase, call::extract, call::next_key, call::lookup_batch}) {
    fake::fail(which, EPERM, fake::forever);
  }
  CHECK(!map.find(1, ec) && ec.value() == EPERM);
  CHECK(map.at(1, ec) == 0U && ec.value() == EPERM);
  CHECK(!map.contains(1, ec) && ec.value() == EPERM);
  CHECK(!map.assign(1, 1, ec) && ec.value() == EPERM);
  map.insert_or_assign(1, 1, ec);
  CHECK(ec.value() == EPERM);
  CHECK(!map.empty(ec) && ec.value() == EPERM);
  CHECK(map.for_each([](auto&&...) {}, ec) == 0 && ec.value() == EPERM);
  for (auto const& each : map.entries(ec)) check(each.first == 99, "nothing to see", __LINE__);
  CHECK(ec.value() == EPERM);
  if constexpr (requires { map.erase(1, ec); }) {
    CHECK(!map.insert(1, 1, ec) && ec.value() == EPERM);
    CHECK(!map.erase(1, ec) && ec.value() == EPERM);
    CHECK(!map.extract(1, ec) && ec.value() == EPERM);
    CHECK(map.size(ec) == 0 && ec.value() == EPERM);
  }
  for (call const which :
       {call::lookup, call::update, call::erase, call::extract, call::next_key, call::lookup_batch}) {
    fake::reset_script(which);
  }
  CHECK(map.counted_by() != bpfmap::counting::none);
}

template <class Map>
void handle_of(Map const& map, std::string const& path) {
  std::error_code ec;
  CHECK(map && map.fd() >= 0 && map.id() != 0 && map.max_size() != 0);
  auto const by_fd = Map::from_fd(map.fd(), ec);
  CHECK(by_fd.id() == map.id() && !ec);
  auto const by_id = Map::from_id(map.id(), ec);
  CHECK(by_id.id() == map.id() && !ec);
  auto const copy = map.clone(ec);
  CHECK(copy.id() == map.id() && !ec);
  map.pin(path, ec);
  CHECK(!ec);
  map.pin(path, ec);
  CHECK(ec.value() == EEXIST);
  auto const pinned = Map::open_pinned(path, ec);
  CHECK(pinned.id() == map.id() && !ec);
  pinned.unpin(path, ec);
  CHECK(!ec);
  pinned.unpin(path, ec);
  CHECK(ec.value() == ENOENT);
  CHECK(!Map::open_pinned(path, ec) && ec.value() == ENOENT);
  CHECK(!Map::from_id(424242, ec) && ec.value() == ENOENT);
  CHECK(!Map::from_fd(-1, ec) && ec.value() == EBADF);
  CHECK(!Map::bind(nullptr, ec) && ec.value() == EINVAL);
  fake_files::set("/proc/self/fdinfo/" + std::to_string(map.fd()), "memlock:\t512\n");
  CHECK(map.memory_usage(ec) == 512 && !ec);
  fake_files::reset();
  CHECK(map.memory_usage(ec) == 0 && ec.value() == ENODATA);
  bpfmap::map_info wrong = map.info();
  wrong.value_size += 8;
  CHECK(!Map::differences(wrong).empty() && Map::differences(map.info()).empty());
  map.freeze(ec);
  CHECK(!ec);
  map.freeze(ec);
  CHECK(ec.value() == EPERM);
}

template <class Map>
void both() {
  std::string const path = "/tmp/bpfmap-fake-noexc-" + std::to_string(::getpid());
  std::error_code ec = bpfmap::make_error(ENOTTY);
  auto const map = Map::create({.name = "flows", .max_entries = 16}, ec);
  CHECK(!ec);
  elements_of(map);
  handle_of(map, path);
  CHECK(!Map::create({.name = "not a name", .max_entries = 16}, ec) && ec.value() == EINVAL);
  fake::fail(call::map_create, EPERM);
  CHECK(!Map::create({.max_entries = 16}, ec) && ec.value() == EPERM);
}

void a_hash_has_every_twin() { both<flows>(); }
void an_lru_hash_has_every_twin() { both<bpfmap::lru_hash<std::uint32_t, std::uint64_t>>(); }
void a_percpu_hash_has_every_twin() { both<hits>(); }
void an_lru_percpu_hash_has_every_twin() { both<bpfmap::lru_percpu_hash<std::uint32_t, std::uint64_t>>(); }
void an_array_has_every_twin() { both<table>(); }
void a_percpu_array_has_every_twin() { both<drops>(); }
void a_striped_array_has_every_twin() {
  using striped = bpfmap::striped_array<std::uint64_t>;
  static_assert(!has_throwing_functions<striped>);
  std::error_code ec = bpfmap::make_error(ENOTTY);
  auto const map = striped::create({.name = "flows", .max_entries = 16}, ec);
  CHECK(!ec && map.size(ec) == 16 && !ec && !map.empty(ec) && !ec);
  map.insert_or_assign(1, 10, ec);
  CHECK(!ec);
  CHECK(map.assign(1, 11, ec) && !ec);
  CHECK(map.find(1, ec) == 11U && !ec);
  CHECK(map.at(1, ec) == 11U && !ec);
  CHECK(map.contains(1, ec) && !ec);
  CHECK(!map.find(1000, ec) && !ec);
  CHECK(map.at(1000, ec) == 0U && ec.value() == ENOENT);
  map.insert_or_assign(2, 7, bpfmap::cpu{3}, ec);
  CHECK(!ec && map.find(2, bpfmap::cpu{3}, ec) == 7U && !ec && map.at(2, bpfmap::cpu{3}, ec) == 7U && !ec);
  map.insert_or_assign(3, 1, bpfmap::all_cpus, ec);
  CHECK(!ec);
  std::array<std::uint64_t, 16> totals{};
  CHECK(map.totals(totals, ec) == 16 && !ec && totals[1] == 11 && totals[2] == 7 && totals[3] == 6);
  CHECK(map.reduce_all(ec).size() == 16 && !ec);
  std::uint64_t sum = 0;
  for (auto const& [index, value] : map.entries(ec)) sum += index * value;
  CHECK(sum == 11 + 14 + 18 && !ec);
  for (auto const value : map.values(ec)) sum += value;
  for (auto const index : map.keys(ec)) sum += index;
  CHECK(sum == 43 + 24 + 120 && !ec);
  CHECK(map.for_each([](auto&&...) {}, ec) == 16 && !ec);
  CHECK(map.clone(ec).at(1, ec) == 11 && !ec);
  bpfmap::map_info wrong = map.info();
  wrong.max_entries += 1;
  CHECK(!striped::differences(wrong).empty() && striped::differences(map.info()).empty());
  CHECK(!striped::create({.name = "none"}, ec) && ec.value() == EINVAL);
}

void a_per_cpu_value_without_slots_is_erange() {
  std::error_code ec;
  auto const map = bpfmap::percpu_array<std::uint8_t>::create({.max_entries = 4}, ec);
  map.insert_or_assign(1, 100000, ec);
  CHECK(ec.value() == ERANGE);
}

void locked_elements_have_every_twin() {
  std::error_code ec;
  auto const map = bpfmap::hash<std::uint32_t, guarded>::create({.max_entries = 4}, ec);
  fake::give_lock(map.fd());
  CHECK(map.insert(1, {{}, 5}, bpfmap::locked, ec) && !ec);
  CHECK(map.assign(1, {{}, 6}, bpfmap::locked, ec) && !ec);
  map.insert_or_assign(1, {{}, 7}, bpfmap::locked, ec);
  CHECK(!ec);
  CHECK(map.find(1, bpfmap::locked, ec).has_value() && !ec);
}

void mapped_arrays_have_every_twin() {
  std::error_code ec;
  auto map = mapped::create({.max_entries = 4}, ec);
  CHECK(!ec);
  map[2] = 5;
  map.atomic(2).fetch_add(1);
  CHECK(map.at(2, ec) == 6 && map.span()[2] == 6 && map.load(2) == 6);
  auto const reader = shown::from_fd(map.fd(), ec);
  CHECK(!ec && reader.cells()[2] == 6);
  map.freeze(ec);
  CHECK(!mapped::from_fd(map.fd(), ec) && ec.value() == EPERM);
}

void any_map_can_be_asked_what_it_is() {
  std::error_code ec;
  int const fd = fake::make_map({.type = 99});
  auto const handle = bpfmap::map_handle::from_fd(fd, ec);
  CHECK(!ec && !handle.description().empty());
  CHECK(!bpfmap::map_info::read(-1, ec).id && ec);
  auto const adopted = bpfmap::map_handle::from_fd(bpfmap::unique_fd(fd), ec);
  CHECK(!ec && adopted.fd() == fd);
}

void perf_event_arrays_have_every_twin() {
  std::error_code ec;
  auto const map = events::create({.name = "events"}, ec);
  CHECK(!ec && map.max_size() == 9);
  CHECK(map.uncovered_cpus(ec).empty() && !ec);
  CHECK(!events::create({.max_entries = 3}, ec) && ec.value() == EINVAL);
  auto const reader = bpfmap::perf_reader<std::uint64_t>::open(map, {.bytes_per_cpu = 0}, ec);
  CHECK(ec.value() == EINVAL && reader.cpu_count() == 0);
}

void cpu_sets_have_every_twin() {
  std::error_code ec;
  CHECK(bpfmap::cpu_set::parse("0,2-5,8\n", ec).size() == 6 && !ec);
  CHECK(bpfmap::cpu_set::parse("x", ec).empty() && ec.value() == EINVAL);
  CHECK(bpfmap::possible_cpus(ec).from(5, ec).size() == 2 && !ec);
  CHECK(bpfmap::online_cpus(ec).size() == 5 && !ec);
  CHECK(bpfmap::cpu_topology::read("/no/such/folder", ec).possible.empty() && ec.value() == ENOENT);
}

void objects_have_every_twin() {
  std::error_code ec;
  fake::set_object({.programs = {"on_open", "on_close"}, .maps = {{.name = "flows"}, {.name = "other"}}});
  auto object = bpfmap::object::open("tool.bpf.o", {}, ec);
  CHECK(!ec && object);
  auto const program = object.program("on_open", ec);
  CHECK(!ec && program.name() == "on_open");
  CHECK(!object.program("none", ec) && ec.value() == ENOENT);
  program.set_autoload(true, ec);
  CHECK(!ec);
  object.autoload_only({"on_open"}, ec);
  CHECK(!ec);
  std::string_view const wrong[] = {"typo"};
  object.autoload_only(std::span<std::string_view const>(wrong), ec);
  CHECK(ec.value() == ENOENT);
  auto const map = object.map("flows", ec);
  CHECK(!ec && map);
  map.set_max_entries(5, ec);
  CHECK(!ec);
  map.set_max_entries(bpfmap::sizing::fixed<7>{}, ec);
  CHECK(!ec && map.max_entries() == 7);
  object.map("other", ec).set_autocreate(false, ec);
  CHECK(!ec);
  CHECK(object.global<int>("none", ec) == nullptr && ec.value() == ENOENT);
  object.load(ec);
  CHECK(!ec);
  object.load(ec);
  CHECK(ec.value() == EINVAL);
  CHECK(object.map<flows>("flows", ec).max_size() == 7 && !ec);
  CHECK(program.attach(ec) && !ec);
  program.run({}, ec);
  CHECK(ec);
  std::array<std::byte, 4> const bytes{};
  fake::fail(call::object_open, 4001);
  CHECK(!bpfmap::object::open(std::span(bytes), {}, ec) && ec.message() == "this is not a valid ELF or BTF file");
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* const all = ::opendir("/proc/self/fd");
  while (::readdir(all) != nullptr) ++count;
  ::closedir(all);
  return count - fake::own_descriptors();
}

struct test_case {
  char const* name;
  void (*run)();
};

constexpr test_case cases[] = {
    {"a_hash_has_every_twin", a_hash_has_every_twin},
    {"an_lru_hash_has_every_twin", an_lru_hash_has_every_twin},
    {"a_percpu_hash_has_every_twin", a_percpu_hash_has_every_twin},
    {"an_lru_percpu_hash_has_every_twin", an_lru_percpu_hash_has_every_twin},
    {"an_array_has_every_twin", an_array_has_every_twin},
    {"a_percpu_array_has_every_twin", a_percpu_array_has_every_twin},
    {"a_striped_array_has_every_twin", a_striped_array_has_every_twin},
    {"a_per_cpu_value_without_slots_is_erange", a_per_cpu_value_without_slots_is_erange},
    {"locked_elements_have_every_twin", locked_elements_have_every_twin},
    {"mapped_arrays_have_every_twin", mapped_arrays_have_every_twin},
    {"any_map_can_be_asked_what_it_is", any_map_can_be_asked_what_it_is},
    {"perf_event_arrays_have_every_twin", perf_event_arrays_have_every_twin},
    {"cpu_sets_have_every_twin", cpu_sets_have_every_twin},
    {"objects_have_every_twin", objects_have_every_twin},
};

}  // namespace

int main() {
  unsigned passed = 0;
  unsigned failed = 0;
  for (test_case const& each : cases) {
    fake::reset();
    failures = 0;
    std::size_t const before = open_descriptors();
    each.run();
    check(open_descriptors() == before, "descriptors are left open", 0);
    for (auto const& wrong : fake::violations()) check(false, wrong.c_str(), 0);
    for (auto const& wrong : heap::violations()) check(false, wrong.c_str(), 0);
    if (failures == 0)
      ++passed;
    else
      std::printf("failed: %s\n", each.name), ++failed;
  }
  fake::reset();
  std::printf("%u passed, %u failed, 0 skipped\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
