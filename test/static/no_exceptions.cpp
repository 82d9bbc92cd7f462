// SPDX-License-Identifier: MIT
// bpfmap under -fno-exceptions -fno-rtti: the functions with an error code are all there, and no others.
// (Boost.Test needs exceptions: this program counts its own cases.)

#include <bpfmap/bpfmap.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ranges>
#include <string>
#include <system_error>
#include <type_traits>

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "to be compiled with -fno-exceptions -fno-rtti"
#endif

namespace {

using namespace bpfmap;

static_assert(BPFMAP_EXCEPTIONS == 0 && !throwing<>);
// The inline namespace is another, so that the linker would miss what it should not find.
static_assert(std::is_same_v<map_handle, bpfmap::v0_noexc::map_handle>);

using flows = hash<std::uint32_t, std::uint64_t>;
using hits = percpu_hash<std::uint32_t, std::uint64_t>;
using cells = array<std::uint64_t, mmapable>;
using striped = striped_array<std::uint64_t>;
using reader = perf_reader<std::uint64_t>;

template <class Map>
concept can_throw =
    requires(Map& m) { Map::create({}); } || requires(Map& m) { Map::bind(nullptr); } ||
    requires(Map& m) { Map::from_fd(1); } || requires(Map& m) { Map::from_id(1U); } ||
    requires(Map& m) { Map::open_pinned(""); } || requires(Map& m) { m.clone(); } || requires(Map& m) { m.find(1); } ||
    requires(Map& m) { m.at(1); } || requires(Map& m) { m.contains(1); } || requires(Map& m) { m.insert(1, 1); } ||
    requires(Map& m) { m.assign(1, 1); } || requires(Map& m) { m.insert_or_assign(1, 1); } ||
    requires(Map& m) { m.erase(1); } || requires(Map& m) { m.extract(1); } || requires(Map& m) { m.entries(); } ||
    requires(Map& m) { m.keys(); } || requires(Map& m) { m.values(); } || requires(Map& m) { m.begin(); } ||
    requires(Map& m) { m.size(); } || requires(Map& m) { m.empty(); } ||
    requires(Map& m) { m.for_each([](auto, auto) {}); } || requires(Map& m) { m.freeze(); } ||
    requires(Map& m) { m.pin(""); } || requires(Map& m) { m.unpin(""); } || requires(Map& m) { m.memory_usage(); };
static_assert(!can_throw<flows> && !can_throw<hits> && !can_throw<cells> && !can_throw<striped> &&
              !can_throw<perf_event_array<>>);

template <class Map>
concept has_twins = requires(Map& m, std::error_code& ec) {
  Map::create({}, ec);
  Map::bind(nullptr, ec);
  Map::from_fd(1, ec);
  Map::from_id(1U, ec);
  Map::open_pinned("", ec);
  m.clone(ec);
  m.find(1, ec);
  m.at(1, ec);
  m.contains(1, ec);
  m.assign(1, 1, ec);
  m.insert_or_assign(1, 1, ec);
  m.entries(ec);
  m.keys(ec);
  m.values(ec);
  m.size(ec);
  m.empty(ec);
  m.for_each([](auto, auto) {}, ec);
  m.freeze(ec);
  m.pin("", ec);
  m.unpin("", ec);
  m.memory_usage(ec);
};
static_assert(has_twins<flows> && has_twins<hits> && has_twins<cells> && has_twins<striped>);

template <class Object, class Program>
concept objects_can_throw =
    requires { Object::open("a"); } || requires(Object& o) { o.load(); } || requires(Object& o) { o.program("a"); } ||
    requires(Object& o) { o.map("a"); } || requires(Object& o) { o.template map<flows>("a"); } ||
    requires(Object& o) { o.template global<int>("a"); } || requires(Object& o) { o.autoload_only({"a"}); } ||
    requires(Program& p) { p.attach(); } || requires(Program& p) { p.run({}); } ||
    requires(Program& p) { p.set_autoload(true); };
static_assert(!objects_can_throw<object, program>);

template <class Reader>
concept readers_can_throw = requires(Reader& r) { r.consume([](auto) {}); } || requires(Reader& r) {
  r.poll(std::chrono::milliseconds(1), [](auto) {});
} || requires(Reader& r) { r.resync([](auto) {}); };
static_assert(!readers_can_throw<reader>);

int passed = 0;
int failed = 0;

void check(char const* what, bool holds) {
  ++(holds ? passed : failed);
  if (!holds) std::printf("failed: %s\n", what);
}

}  // namespace

int main() {
  std::error_code ec;

  flows map;
  check("find_on_an_empty_map_object_reports_ebadf", !map.find(1, ec) && ec.value() == EBADF);
  check("size_of_an_empty_map_object_reports_ebadf", map.size(ec) == 0 && ec.value() == EBADF);
  std::uint64_t seen = 0;
  for (std::uint32_t const key : map.keys(ec)) seen += key + 1;
  check("a_walk_over_an_empty_map_object_ends_with_ebadf", seen == 0 && ec.value() == EBADF);
  hits slots;
  check("find_of_per_cpu_slots_reports_ebadf", !slots.find(1, ec) && ec.value() == EBADF);
  check("a_name_that_the_kernel_would_cut_reports_einval",
        !flows::create({.name = "a name with blanks", .max_entries = 1}, ec) && ec.value() == EINVAL);
  check("a_descriptor_that_is_not_open_reports_ebadf", !flows::from_fd(-1, ec) && ec.value() == EBADF);

  capture_libbpf_log const log;
  object const none = object::open("/nowhere/tool.bpf.o", {}, ec);
  check("an_object_that_does_not_exist_reports_enoent", !none && ec.value() == ENOENT);
  check("what_libbpf_says_is_captured", log.text().find("/nowhere/tool.bpf.o") != std::string::npos);
  reader events;
  check("a_reader_that_was_not_opened_gives_nothing_and_says_ebadf",
        events.consume([](std::uint64_t) {}, ec) == 0 && ec.value() == EBADF &&
            events.available().begin() == std::default_sentinel);

  check("cpus_are_read", !possible_cpus(ec).empty() && !ec);
  check("errors_have_texts", !make_error(enotsupp).message().empty());

  std::printf("%d passed, %d failed, 0 skipped\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
