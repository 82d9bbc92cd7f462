// SPDX-License-Identifier: MIT
// What errors of objects say about what the running kernel refuses: libbpf's words are its own here.
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <cstdio>
#include <string>

#include <sched.h>
#include <sys/wait.h>

namespace ut = boost::unit_test;
using bpfmap::object;

namespace {

std::string printed;
int collect(enum libbpf_print_level level, char const* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  char line[512];
  int const length = std::vsnprintf(line, sizeof line, format, arguments);
  printed += line;
  return length;
}

// What libbpf prints goes here, not to stderr, as to a callback of the user's.
struct watched {
  test::no_leak leaks;
  libbpf_print_fn_t before = libbpf_set_print(&collect);

  watched() { printed.clear(); }
  watched(watched const&) = delete;
  watched& operator=(watched const&) = delete;
  ~watched() { libbpf_set_print(before); }
};

/// Runs `f` in a child that has first done `prepare`, and gives what it returned.
template <class Prepare, class F>
std::string in_child(Prepare const& prepare, F const& f) {
  int pipes[2];
  BOOST_REQUIRE(::pipe(pipes) == 0);
  pid_t const child = ::fork();
  if (child == 0) {
    std::string const report = prepare() ? f() : "not prepared";
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
  return report;
}

// A precondition: not in a chroot, for example, where the kernel makes no user namespaces.
boost::test_tools::assertion_result user_namespaces(ut::test_unit_id unit) {
  auto allowed = test::may_use_bpf(unit);
  if (!allowed) return allowed;
  boost::test_tools::assertion_result result(
      in_child([] { return ::unshare(CLONE_NEWUSER) == 0; }, [] { return std::string("made"); }) == "made");
  if (!result) result.message() << "no user namespace can be made here";
  return result;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(object_errors, watched, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(keep_the_errno_and_the_whole_log_when_the_verifier_says_much) {
  auto refused = object::open(test::object_path("long_log"));
  std::error_code ec;
  refused.load(ec);
  BOOST_TEST(ec.value() == EACCES, ec.message());
  auto const log = refused.verifier_log();
  BOOST_TEST(log.size() > 65536U);
  BOOST_TEST(log.find("\n0: (") != log.npos);              // its beginning
  BOOST_TEST(log.find("invalid mem access") != log.npos);  // and its end
  auto const text = bpfmap::last_error_text();
  BOOST_TEST(text.find("program 'walks_far' was refused: the verifier says: R0 invalid mem access") != text.npos, text);
  // The log is the error's, and not for the user's callback; the rest is.
  BOOST_TEST(printed.find("BEGIN PROG LOAD LOG") == printed.npos);
  BOOST_TEST(printed.find("walks_far") != printed.npos);
}

BOOST_AUTO_TEST_CASE(of_pinned_maps_list_the_differences) {
  test::private_bpffs const fs;
  BOOST_REQUIRE(fs.mounted());
  auto const path = fs / "hits";
  auto const load = [&](std::uint32_t entries, std::error_code& ec) {
    auto counters = object::open(test::object_path("counters"));
    auto const hits = counters.map("hits");
    BOOST_REQUIRE(bpf_map__set_pin_path(hits.get(), path.c_str()) == 0);
    hits.set_max_entries(entries);
    counters.load(ec);
  };
  std::error_code ec;
  load(16, ec);
  BOOST_TEST(!ec);
  load(64, ec);
  BOOST_TEST(ec.value() == EINVAL);
  std::string const text(bpfmap::last_error_text());
  BOOST_TEST(test::has(text, "map 'hits' is pinned at " + path + " with another shape"), text);
  BOOST_TEST(test::has(text, "max_entries is 16, and the object declares 64"), text);
  BOOST_TEST(!test::has(text, "key size"), text);
  load(16, ec);
  BOOST_TEST(!ec);
}

BOOST_AUTO_TEST_CASE(say_where_no_bpffs_is_mounted) {
  auto counters = object::open(test::object_path("counters"));
  BOOST_REQUIRE(bpf_map__set_pin_path(counters.map("hits").get(), "/tmp/bpfmap-no-bpffs/hits") == 0);
  auto const message = test::message_of([&] { counters.load(); });
  BOOST_TEST(test::has(message, "map 'hits' cannot be pinned at /tmp/bpfmap-no-bpffs/hits: no bpffs"), message);
  ::rmdir("/tmp/bpfmap-no-bpffs");  // libbpf has made it
}

BOOST_AUTO_TEST_CASE(say_which_map_is_too_large) {
  auto counters = object::open(test::object_path("counters"));
  BOOST_REQUIRE(bpf_map__set_value_size(counters.map("hits").get(), 131072) == 0);
  std::error_code ec;
  counters.load(ec);
  BOOST_TEST(!!ec);
  std::string const text(bpfmap::last_error_text());
  BOOST_TEST(test::has(text, "map 'hits' (percpu_hash, key 4, value 131072, max_entries 16) was refused"), text);
  BOOST_TEST(test::has(text, "the value is larger than 32768"), text);
}

BOOST_AUTO_TEST_CASE(name_the_program_that_uses_a_map_which_is_not_created) {
  auto counters = object::open(test::object_path("counters"));
  counters.map("hits").set_autocreate(false);
  auto const message = test::message_of([&] { counters.load(); });
  BOOST_TEST(test::has(message, "program 'count' was refused"), message);
  BOOST_TEST(!counters.loaded());
}

BOOST_AUTO_TEST_CASE(to_root_of_a_user_namespace_say_that_it_is_not_root, *ut::precondition(user_namespaces)) {
  auto const report = in_child([] { return ::unshare(CLONE_NEWUSER) == 0; },
                               [] {
                                 std::error_code ec;
                                 auto counters = object::open(test::object_path("counters"), {}, ec);
                                 counters.load(ec);
                                 return std::string(bpfmap::last_error_text());
                               });
  BOOST_TEST(test::has(report, "root of a user namespace is not root"), report);
  BOOST_TEST(!test::has(report, "run as root"), report);
}

BOOST_AUTO_TEST_CASE(of_files_tell_what_is_not_there_from_what_is_no_object) {
  auto const missing = test::message_of([] { (void)object::open("/nonexistent/tool.bpf.o"); });
  BOOST_TEST(test::has(missing, "there is no such file"), missing);
  auto const host = test::message_of([] { (void)object::open("/proc/self/exe"); });
  BOOST_TEST(test::has(host, "not one of BPF"), host);
}

BOOST_AUTO_TEST_SUITE_END()
