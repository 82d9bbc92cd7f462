// SPDX-License-Identifier: MIT
// Objects and programs: what fails before and after load(), and what libbpf's own errors look like.
#include "ring.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace {

using fake::call;
using test::has;

struct with_object : test::ring {
  with_object() {
    fake::set_object({.programs = {"on_open", "on_close"},
                      .maps = {{.name = "flows"}, {.type = 4, .value_size = 4, .max_entries = 0, .name = "events"}}});
  }
};

bpfmap::object opened() { return bpfmap::object::open("tool.bpf.o"); }

template <class F>
int number_of(F&& f) {
  return test::code_of(std::forward<F>(f)).value();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(objects, with_object)

BOOST_AUTO_TEST_CASE(that_are_no_objects_say_so) {
  for (int const number : {ENOENT, EACCES, EINVAL, ENOMEM, 4000, 4001, 4003, 4005}) {
    BOOST_TEST_CONTEXT("errno " << number) {
      fake::fail(call::object_open, number, 4);
      BOOST_TEST(number_of([](auto& ec) { (void)bpfmap::object::open("tool.bpf.o", {}, ec); }) == number);
      BOOST_TEST(number_of([](auto& ec) { (void)bpfmap::object::open("tool.bpf.o", ec); }) == number);
      BOOST_TEST(number_of([&](auto& ec) { (void)bpfmap::object::open(std::span<std::byte const>(), ec); }) == number);
      auto const error = test::error_of([] { (void)opened(); });
      BOOST_TEST(error.operation == "open");
      BOOST_TEST(error.code.value() == number);
      BOOST_TEST(has(error.text, "open on 'tool.bpf.o': " + bpfmap::make_error(number).message()));
      if (number >= 4000) BOOST_TEST(has(error.hint, "not a BPF object file"));
    }
  }
  std::vector<std::byte> const bytes(7);
  fake::fail(call::object_open, 4001);
  BOOST_TEST(
      has(test::message_of([&] { (void)bpfmap::object::open(bytes); }), "open on 7 bytes: this is not a valid ELF"));
}

BOOST_AUTO_TEST_CASE(load_once_and_report_what_stops_them) {
  for (int const number : {EPERM, EINVAL, ENOMEM, E2BIG, 4006, 4007}) {
    auto object = opened();
    fake::fail(call::object_load, number);
    BOOST_TEST(test::error_of([&] { object.load(); }).code.value() == number);
    BOOST_TEST(number_of([&](auto& ec) { object.load(ec); }) == EINVAL);
  }
  auto object = opened();
  object.load();
  BOOST_TEST(object.loaded());
  BOOST_TEST(has(test::message_of([&] { object.load(); }), "load() was called before"));
}

BOOST_AUTO_TEST_CASE(give_perf_event_arrays_an_entry_for_every_possible_cpu) {
  auto object = opened();
  object.load();
  BOOST_TEST(object.map("events").max_entries() == 9U);
  BOOST_TEST(object.map("flows").max_entries() == 16U);
  BOOST_TEST(object.map<test::flows>("flows").max_size() == 16U);
}

BOOST_AUTO_TEST_CASE(choose_programs_before_load_only) {
  auto object = opened();
  object.autoload_only({"on_close"});
  BOOST_TEST(!object.program("on_open").autoload());
  BOOST_TEST(object.program("on_close").autoload());
  auto const error = test::error_of([&] { object.autoload_only({"on_close", "typo", "other"}); });
  BOOST_TEST(error.code.value() == ENOENT);
  BOOST_TEST(has(error.text, "typo, other"));
  BOOST_TEST(has(error.hint, "on_open, on_close"));
  BOOST_TEST(!object.program("on_open").autoload());
  object.load();
  BOOST_TEST(number_of([&](auto& ec) { object.program("on_open").set_autoload(true, ec); }) == EINVAL);
  BOOST_TEST(has(test::message_of([&] { object.program("on_open").set_autoload(true); }), "before load()"));
  BOOST_TEST(number_of([&](auto& ec) { object.autoload_only({"on_open"}, ec); }) == EINVAL);
  BOOST_TEST(object.program("on_open").fd() == -1);
  BOOST_TEST(object.program("on_close").fd() >= 0);
}

BOOST_AUTO_TEST_CASE(name_what_they_have_where_something_is_missing) {
  auto object = opened();
  BOOST_TEST(has(test::message_of([&] { (void)object.program("none"); }), "it has on_open, on_close"));
  BOOST_TEST(has(test::message_of([&] { (void)object.map("none"); }), "it has flows, events"));
  BOOST_TEST(test::error_of([&] { (void)object.global<int>("none"); }).code.value() == ENOENT);
  BOOST_TEST(test::error_of([&] { (void)object.map<test::flows>("flows"); }).code.value() == EBADF);
  object.load();
  BOOST_TEST(has(test::message_of([&] { (void)object.map<test::table>("flows"); }), "type is hash, expected array"));
  BOOST_TEST(number_of([&](auto& ec) { object.map("flows").set_max_entries(5, ec); }) == EBUSY);
  BOOST_TEST(has(test::message_of([&] { object.map("flows").set_autocreate(false); }), "only before load()"));
}

BOOST_AUTO_TEST_CASE(that_are_empty_answer_ebadf) {
  bpfmap::object none;
  BOOST_TEST(number_of([&](auto& ec) { none.load(ec); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) { (void)none.program("x", ec); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) { (void)none.map("x", ec); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) { (void)none.map<test::flows>("x", ec); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) { (void)none.global<int>("x", ec); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) { none.autoload_only({"x"}, ec); }) == EBADF);
  BOOST_TEST((none.programs().begin() == none.programs().end()));
  bpfmap::program const program;
  BOOST_TEST(number_of([&](auto& ec) { (void)program.attach(ec); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) { (void)program.run({}, ec); }) == EBADF);
  BOOST_TEST(number_of([&](auto& ec) { program.set_autoload(true, ec); }) == EBADF);
}

// The place is what damaged or hostile BTF says, and would be a wild pointer.
BOOST_AUTO_TEST_CASE(give_no_variable_outside_of_its_section_or_out_of_line) {
  fake::set_object({.programs = {"on_open"},
                    .maps = {},
                    .constants = {{"good", 8}, {"crooked", 8, 4}, {"wild", 8, 0xffffff00}, {"far", 8, 1}}});
  auto object = opened();
  BOOST_TEST(object.global<std::uint64_t>("good") == 0U);
  for (char const* const name : {"far", "wild"}) {
    BOOST_TEST(number_of([&](auto& ec) { (void)object.global<std::uint64_t>(name, ec); }) == EINVAL);
    BOOST_TEST(has(bpfmap::last_error_text(), "the object's BTF is damaged"), bpfmap::last_error_text());
  }
  BOOST_TEST(number_of([&](auto& ec) { (void)object.global<std::uint64_t>("crooked", ec); }) == EINVAL);
  BOOST_TEST(has(bpfmap::last_error_text(), "it lies at byte 12 of its section"), bpfmap::last_error_text());
}

BOOST_AUTO_TEST_CASE(tell_programs_which_cpus_are_possible_and_where_the_gaps_are) {
  fake::set_object({.programs = {"on_open"},
                    .maps = {},
                    .constants = {{"first", 1}, {"bpfmap_cpu_ids", 4}, {"bpfmap_cpu_holes", 1024}, {"last", 8}}});
  auto object = opened();
  auto& holes = object.global<std::array<std::uint64_t, 128>>("bpfmap_cpu_holes");
  holes.fill(~std::uint64_t{0});  // whatever was there
  auto const& ids = object.global<std::uint32_t>("bpfmap_cpu_ids");
  auto const& first = object.global<std::uint8_t>("first");
  auto const& last = object.global<std::uint64_t>("last");
  object.load();
  // Possible are 0, 2-5 and 8.
  BOOST_TEST(ids == 9U);
  BOOST_TEST(holes[0] == 0b0'1100'0010U);
  BOOST_TEST(std::ranges::count(holes, 0U) == 127);
  BOOST_TEST(int{first} == 0);
  BOOST_TEST(last == 0U);
}

BOOST_AUTO_TEST_CASE(tell_nothing_to_programs_that_do_not_ask) {
  fake::set_object({.programs = {"on_open"}, .maps = {}, .constants = {{"bpfmap_cpu_ids", 8}}});
  auto object = opened();
  auto const& another = object.global<std::uint64_t>("bpfmap_cpu_ids");  // of that name, but not of that size
  object.load();
  BOOST_TEST(another == 0U);
}

BOOST_AUTO_TEST_CASE(leave_out_programs_that_call_what_the_kernel_does_not_have) {
  fake::set_object({.programs = {"sums", "loops", "plain", "unknown"},
                    .maps = {},
                    .calls = {{"sums", 181, 1}, {"sums", 195, 0}, {"loops", 181, 1}, {"unknown", 164, -EOPNOTSUPP}}});
  auto object = opened();
  BOOST_TEST(object.leave_out_unsupported() == 1U);
  BOOST_TEST(!object.program("sums").autoload());
  for (char const* const name : {"loops", "plain", "unknown"}) BOOST_TEST(object.program(name).autoload());
  object.load();
  BOOST_TEST(object.program("sums").fd() == -1);
  BOOST_TEST(number_of([&](auto& ec) { object.leave_out_unsupported(ec); }) == EINVAL);
  BOOST_TEST(number_of([](auto& ec) { bpfmap::object{}.leave_out_unsupported(ec); }) == EBADF);
}

BOOST_AUTO_TEST_CASE(that_do_not_load_name_the_newest_helper_that_is_missing) {
  fake::set_object({.programs = {"plain", "sums"}, .maps = {}, .calls = {{"sums", 181, 0}, {"sums", 195, 0}}});
  auto object = opened();
  fake::fail(call::object_load, EINVAL);
  auto const error = test::error_of([&] { object.load(); });
  BOOST_TEST(error.code.value() == EINVAL);
  BOOST_TEST(
      error.hint ==
      "program 'sums' calls bpf_map_lookup_percpu_elem, which this kernel does not have (Linux 5.19 does): switch "
      "its autoload off, or call leave_out_unsupported()");
  // One that is not loaded is not to blame.
  object = opened();
  object.program("sums").set_autoload(false);
  fake::fail(call::object_load, EINVAL);
  BOOST_TEST(test::error_of([&] { object.load(); }).hint == "");
}

BOOST_AUTO_TEST_CASE(attach_programs_and_detach_them_with_their_link) {
  auto object = opened();
  BOOST_TEST(number_of([&](auto& ec) { (void)object.program("on_open").attach(ec); }) == EINVAL);
  object.load();
  {
    auto const link = object.program("on_open").attach();
    BOOST_TEST(link.fd() >= 0);
  }
  for (int const number : {EPERM, EOPNOTSUPP, ENOENT, EBUSY}) {
    fake::fail(call::attach, number, 2);
    BOOST_TEST(number_of([&](auto& ec) { (void)object.program("on_open").attach(ec); }) == number);
    auto const error = test::error_of([&] { (void)object.program("on_open").attach(); });
    BOOST_TEST(error.text.starts_with("attach on program 'on_open': "));
  }
  for (int const number : {EPERM, 524, ENXIO, ENOSPC}) {
    fake::fail(call::program_run, number, 2);
    BOOST_TEST(number_of([&](auto& ec) { (void)object.program("on_open").run({}, ec); }) == number);
    BOOST_TEST(test::error_of([&] { (void)object.program("on_open").run(); }).code.value() == number);
  }
}

BOOST_AUTO_TEST_SUITE_END()
