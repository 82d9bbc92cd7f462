// SPDX-License-Identifier: MIT
// Object files: chosen before load, used after it, and everything that can be wrong with them.
#include "../support/kernel.hpp"
#include "../support/programs.hpp"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"  // bpftool's code, not ours
#include "three_programs.skel.h"
#pragma GCC diagnostic pop

#include <array>
#include <fstream>
#include <iterator>
#include <set>
#include <vector>

#include <sys/wait.h>

namespace ut = boost::unit_test;
using bpfmap::object;

namespace {

struct watched {
  test::no_leak leaks;
};

/// Names of this test's programs that are in the kernel, found by walking all its programs.
std::multiset<std::string> programs_in_kernel() {
  std::multiset<std::string> names;
  std::uint32_t id = 0;
  while (bpf_prog_get_next_id(id, &id) == 0) {
    bpfmap::unique_fd const fd(bpf_prog_get_fd_by_id(id));
    if (!fd) continue;
    bpf_prog_info info{};
    auto length = static_cast<std::uint32_t>(sizeof info);
    if (bpf_obj_get_info_by_fd(fd.get(), &info, &length) != 0) continue;
    if (std::string_view(info.name).starts_with("bpfmap_")) names.insert(info.name);
  }
  names.erase("bpfmap_count");  // the library's own, of a map that is just going away
  return names;
}

std::vector<std::byte> contents_of(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> const chars{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(chars.size());
  std::ranges::transform(chars, bytes.begin(), [](char c) { return static_cast<std::byte>(c); });
  return bytes;
}

// libbpf complains on stderr about what these cases do on purpose.
struct quiet : watched {
  bpfmap::capture_libbpf_log log;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(objects, quiet, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(load_only_the_programs_that_are_chosen) {
  auto three = object::open(test::object_path("three_programs"));
  BOOST_TEST(three.program("bpfmap_first").autoload());
  three.program("bpfmap_first").set_autoload(false);
  three.program("bpfmap_third").set_autoload(false);
  BOOST_TEST(!three.program("bpfmap_first").autoload());
  BOOST_TEST(three.program("bpfmap_second").autoload());
  BOOST_TEST(programs_in_kernel().empty());
  three.load();
  BOOST_TEST((programs_in_kernel() == std::multiset<std::string>{"bpfmap_second"}));
  BOOST_TEST(three.program("bpfmap_second").fd() >= 0);
  BOOST_TEST(three.program("bpfmap_first").fd() == -1);
  BOOST_TEST(!three.program("bpfmap_third").autoload());
  auto const message = test::message_of([&] { (void)three.program("bpfmap_first").attach(); });
  BOOST_TEST(test::has(message, "its autoload was off"), message);
  BOOST_CHECK_THROW(three.program("bpfmap_third").run(), bpfmap::error);
}

BOOST_AUTO_TEST_CASE(take_a_list_of_the_only_programs_to_load) {
  auto three = object::open(test::object_path("three_programs"));
  three.autoload_only({"bpfmap_first", "bpfmap_third"});
  three.load();
  BOOST_TEST((programs_in_kernel() == std::multiset<std::string>{"bpfmap_first", "bpfmap_third"}));
}

BOOST_AUTO_TEST_CASE(refuse_a_list_with_an_unknown_name_and_change_nothing) {
  auto const three = object::open(test::object_path("three_programs"));
  auto const message = test::message_of([&] { three.autoload_only({"bpfmap_first", "bpfmap_fisrt", "no_such"}); });
  BOOST_TEST(test::has(message, "autoload_only on 'bpfmap_fisrt, no_such' of object 'three_programs'"), message);
  BOOST_TEST(test::has(message, "it has bpfmap_first, "), message);
  for (auto const program : three.programs()) BOOST_TEST(program.autoload());
  std::error_code ec;
  three.autoload_only({"no_such"}, ec);
  BOOST_TEST((ec == std::errc::no_such_file_or_directory));
}

BOOST_AUTO_TEST_CASE(refuse_to_choose_after_load) {
  auto three = test::loaded("three_programs");
  auto const one = test::message_of([&] { three.program("bpfmap_first").set_autoload(false); });
  BOOST_TEST(test::has(one, "must be chosen before load()"), one);
  auto const list = test::message_of([&] { three.autoload_only({"bpfmap_first"}); });
  BOOST_TEST(test::has(list, "must be chosen before load()"), list);
  BOOST_TEST(three.program("bpfmap_first").autoload());
  auto const map = test::message_of([&] { three.map("ran").set_max_entries(9); });
  BOOST_TEST(test::has(map, "only before load()"), map);
  BOOST_CHECK_THROW(three.map("ran").set_autocreate(false), bpfmap::error);
  auto const twice = test::message_of([&] { three.load(); });
  BOOST_TEST(test::has(twice, "load() was called before"), twice);
}

BOOST_AUTO_TEST_CASE(open_from_bytes_like_from_a_file) {
  auto const bytes = contents_of(test::object_path("three_programs"));
  auto three = object::open(bytes, {.name = "from_bytes"});
  BOOST_TEST(three.name() == "from_bytes");
  three.load();
  three.program("bpfmap_first").run();
  BOOST_TEST(three.map<bpfmap::array<std::uint64_t>>("ran").at(0) == 1U);

  std::size_t size = 0;
  void const* const elf = three_programs_bpf::elf_bytes(&size);
  auto again = object::open(std::span(static_cast<std::byte const*>(elf), size));
  BOOST_TEST(std::ranges::distance(again.programs()) == 3);
}

BOOST_AUTO_TEST_CASE(range_over_their_programs_and_maps) {
  auto const counters = object::open(test::object_path("counters"));
  std::set<std::string> maps;
  for (auto const map : counters.maps()) maps.emplace(map.name());
  BOOST_TEST(maps.contains("hits"));
  BOOST_TEST(maps.contains("array_hits"));
  BOOST_TEST((counters.map("hits").type() == bpfmap::map_type::percpu_hash));
  BOOST_TEST(counters.map("hits").max_entries() == 16U);
  std::vector<std::string> programs;
  for (auto const program : counters.programs()) programs.emplace_back(program.name());
  BOOST_TEST((programs == std::vector<std::string>{"count"}));
  BOOST_TEST(counters.program("count").section() == "raw_tp/sys_enter");
}

BOOST_AUTO_TEST_CASE(change_the_size_of_maps_before_load) {
  auto counters = object::open(test::object_path("counters"));
  counters.map("hits").set_max_entries(99);
  counters.load();
  using hits_map = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;
  BOOST_TEST(counters.map<hits_map>("hits").max_size() == 99U);
}

BOOST_AUTO_TEST_CASE(attach_programs_until_the_link_goes) {
  auto three = test::loaded("three_programs");
  auto const ran = three.map<bpfmap::array<std::uint64_t>>("ran");
  {
    auto link = three.program("bpfmap_first").attach();
    BOOST_TEST(!!link);
    BOOST_TEST(link.fd() >= 0);
    for (int i = 0; i < 10; ++i) ::getppid();
    auto moved = std::move(link);
    BOOST_TEST(!link);  // NOLINT: a moved-from link is empty
    BOOST_TEST(ran.at(0) >= 10U);
    moved.detach();
    BOOST_TEST(!moved);
  }
  auto const after = ran.at(0);
  for (int i = 0; i < 10; ++i) ::getppid();
  BOOST_TEST(ran.at(0) == after);
}

BOOST_AUTO_TEST_CASE(show_and_set_the_global_variables_of_their_programs) {
  auto counters = object::open(test::object_path("counters"));
  counters.global<std::uint64_t>("step") = 5;  // .rodata: can be set before load only
  counters.global<std::uint32_t>("counted_key") = 3;
  counters.load();
  BOOST_TEST(counters.global<std::uint64_t const>("step") == 5U);
  BOOST_TEST(counters.global<std::uint32_t>("counted_key") == 3U);
  std::uint64_t const& runs = counters.global<std::uint64_t>("runs");
  std::error_code ec;
  test::run_on(counters.program("count"), bpfmap::online_cpus(ec)[0], 4);
  BOOST_TEST(runs == 4U);
  using hits_map = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;
  BOOST_TEST(counters.map<hits_map>("hits").at(3) == 20U);
  counters.global<std::uint32_t>("counted_key") = 8;
  test::run_on(counters.program("count"), bpfmap::online_cpus(ec)[0], 1);
  BOOST_TEST(counters.map<hits_map>("hits").at(8) == 5U);

  BOOST_TEST(test::has(test::message_of([&] { (void)counters.global<std::uint64_t>("step"); }), "constant"));
  BOOST_TEST(test::has(test::message_of([&] { (void)counters.global<std::uint16_t>("runs"); }), "size"));
  BOOST_TEST(test::has(test::message_of([&] { (void)counters.global<int>("nothing"); }), "no such global variable"));
}

BOOST_AUTO_TEST_CASE(name_what_they_have_when_asked_for_what_they_have_not) {
  auto three = test::loaded("three_programs");
  auto const program = test::message_of([&] { (void)three.program("nope"); });
  BOOST_TEST(test::has(program, "program on 'nope' of object 'three_programs'"), program);
  BOOST_TEST(test::has(program, "the object has no such program; it has bpfmap_first, "), program);
  auto const map = test::message_of([&] { (void)three.map<bpfmap::array<int>>("nope"); });
  BOOST_TEST(test::has(map, "the object has no such map; it has ran"), map);
  auto const type = test::message_of([&] { (void)three.map<bpfmap::hash<int, int>>("ran"); });
  BOOST_TEST(test::has(type, "type is array, expected hash"), type);
  std::error_code ec;
  BOOST_TEST(!three.program("nope", ec));
  BOOST_TEST((ec == std::errc::no_such_file_or_directory));
  BOOST_TEST((!three.map<bpfmap::array<int>>("nope", ec)));
  BOOST_TEST((ec == std::errc::no_such_file_or_directory));
}

BOOST_AUTO_TEST_CASE(that_are_no_objects_are_refused) {
  auto const missing = test::message_of([] { (void)object::open("/nonexistent/tool.bpf.o"); });
  BOOST_TEST(test::has(missing, "open on '/nonexistent/tool.bpf.o': No such file or directory [ENOENT]"), missing);
  auto const text = test::message_of([] { (void)object::open("/proc/self/status"); });
  BOOST_TEST(test::has(text, "not a BPF object file"), text);
  auto const host = test::message_of([] { (void)object::open("/proc/self/exe"); });
  BOOST_TEST(test::has(host, "open on '/proc/self/exe'"), host);
  auto const empty = test::message_of([] { (void)object::open(std::span<std::byte const>{}); });
  BOOST_TEST(test::has(empty, "open on 0 bytes"), empty);
  auto const directory = test::message_of([] { (void)object::open("/"); });
  BOOST_TEST(test::has(directory, "it is a directory"), directory);
  BOOST_CHECK_THROW((void)object::open("/dev/zero"), bpfmap::error);
  std::error_code ec;
  BOOST_TEST(!object::open("/nonexistent", {}, ec));
  BOOST_TEST((ec == std::errc::no_such_file_or_directory));
}

BOOST_AUTO_TEST_CASE(that_were_cut_short_are_refused) {
  auto const bytes = contents_of(test::object_path("counters"));
  for (std::size_t length : {std::size_t{1}, std::size_t{16}, std::size_t{63}, std::size_t{64}, bytes.size() / 2}) {
    std::error_code ec;
    auto const cut = object::open(std::span(bytes).first(length), {}, ec);
    BOOST_TEST(!cut);
    BOOST_TEST(!!ec);
  }
}

BOOST_AUTO_TEST_CASE(that_the_verifier_refuses_show_its_log) {
  auto refused = object::open(test::object_path("refused"));
  auto const message = test::message_of([&] { refused.load(); });
  BOOST_TEST(test::has(message, "load on object 'refused'"), message);
  BOOST_TEST(test::has(message, "the kernel's log:"), message);
  BOOST_TEST(test::has(message, "invalid mem access"), message);
  BOOST_TEST(test::has(std::string(refused.verifier_log()), "invalid mem access"));

  auto silent = object::open(test::object_path("refused"), {.verifier_log = 0});
  std::error_code ec;
  silent.load(ec);
  BOOST_TEST(!!ec);
  BOOST_TEST(silent.verifier_log() == "");
}

BOOST_AUTO_TEST_CASE(that_are_empty_or_moved_from_answer_with_errors) {
  object nothing;
  std::error_code ec;
  nothing.load(ec);
  BOOST_TEST((ec == std::errc::bad_file_descriptor));
  BOOST_CHECK_THROW((void)nothing.program("x"), bpfmap::error);
  BOOST_CHECK_THROW((void)nothing.map("x"), bpfmap::error);
  BOOST_CHECK_THROW((void)nothing.global<int>("x"), bpfmap::error);
  BOOST_CHECK_THROW(nothing.autoload_only({}), bpfmap::error);
  BOOST_TEST(std::ranges::distance(nothing.maps()) == 0);
  BOOST_CHECK_THROW((void)bpfmap::program{}.attach(), bpfmap::error);
  auto three = object::open(test::object_path("three_programs"));
  auto const moved = std::move(three);
  BOOST_TEST(!three);  // NOLINT: a moved-from object is empty
  BOOST_TEST(!!moved);
}

BOOST_AUTO_TEST_CASE(opened_by_who_has_no_privileges_say_what_is_missing) {
  // In a child, so that this process keeps its own.
  auto const path = test::object_path("counters");
  int pipes[2];
  BOOST_REQUIRE(::pipe(pipes) == 0);
  pid_t const child = ::fork();
  if (child == 0) {
    std::string report;
    auto counters = object::open(contents_of(path));
    if (::setgid(65534) == 0 && ::setuid(65534) == 0) {
      try {
        (void)bpfmap::hash<int, int>::create({.name = "denied", .max_entries = 1});
      } catch (bpfmap::error const& failure) {
        report.append(failure.what()).append("\n");
      }
      try {
        counters.load();
      } catch (bpfmap::error const& failure) {
        report.append(failure.what()).append("\n");
      }
    }
    static_cast<void>(!::write(pipes[1], report.data(), report.size()));
    ::_exit(0);
  }
  ::close(pipes[1]);
  std::string report;
  char part[1024];
  for (ssize_t got = 0; (got = ::read(pipes[0], part, sizeof part)) > 0;)
    report.append(part, static_cast<std::size_t>(got));
  ::close(pipes[0]);
  int status = 0;
  BOOST_TEST(::waitpid(child, &status, 0) == child);
  BOOST_TEST(test::has(report, "create on 'denied' as hash: Operation not permitted [EPERM]"), report);
  BOOST_TEST(test::has(report, "creating maps needs CAP_BPF"), report);
  BOOST_TEST(test::has(report, "load on object"), report);
  BOOST_TEST(test::has(report, "loading needs CAP_BPF"), report);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(libbpf_logs, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(are_part_of_the_error_while_they_are_captured) {
  bpfmap::capture_libbpf_log const log;
  auto const message = test::message_of([] { (void)object::open("/proc/self/status"); });
  BOOST_TEST(test::has(message, "libbpf:"), message);
  BOOST_TEST(test::has(log.text(), "libbpf:"));
}

BOOST_AUTO_TEST_CASE(go_to_the_users_own_callback_again_afterwards) {
  static int calls = 0;
  auto const mine = +[](enum libbpf_print_level, char const*, va_list) { return ++calls; };
  auto const before = libbpf_set_print(mine);
  {
    bpfmap::capture_libbpf_log const outer;
    {
      bpfmap::capture_libbpf_log const inner;
      std::error_code ec;
      (void)object::open("/proc/self/status", {}, ec);
      BOOST_TEST(inner.text() != "");
    }
    BOOST_TEST(outer.text() == "");
    BOOST_TEST(calls == 0);
  }
  std::error_code ec;
  (void)object::open("/proc/self/status", {}, ec);
  BOOST_TEST(calls > 0);
  BOOST_TEST((libbpf_set_print(before) == mine));
}

BOOST_AUTO_TEST_SUITE_END()
