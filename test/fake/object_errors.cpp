// SPDX-License-Identifier: MIT
// What errors of objects say: which map or program it is about, and why, out of what libbpf said and did.
#include "ring.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace {

using fake::call;
using test::has;

struct with_object : test::ring {
  with_object() {
    fake::set_object({.programs = {"on_open", "on_close"},
                      .maps = {{.type = 6, .value_size = 131072, .max_entries = 1, .name = "buffers"},
                               {.max_entries = 0, .name = "empty"},
                               {.name = "pinned", .pinned = "/sys/fs/bpf/pinned"},
                               {.type = 7, .value_size = 8 * 500, .name = "stacks"},
                               {.type = 12, .max_entries = 4, .name = "outer"}}});
  }
};

bpfmap::object opened() { return bpfmap::object::open("tool.bpf.o"); }

struct said {
  std::vector<std::string> lines;
  int number;
  char const* subject;
  char const* hint;
};

std::vector<std::string> callback_lines;
int collect(enum libbpf_print_level, char const* format, va_list arguments) {
  char line[200];
  std::vsnprintf(line, sizeof line, format, arguments);
  callback_lines.emplace_back(line);
  return 0;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(object_errors, with_object)

BOOST_AUTO_TEST_CASE(of_load_name_the_map_or_program_and_the_cause) {
  said const cases[] = {
      // libbpf 1.1 and 1.7 say it in different words.
      {{"map 'buffers': failed to create: Argument list too long(-7)"},
       E2BIG,
       "buffers",
       "the value is larger than 32768"},
      {{"map 'buffers': failed to create: -E2BIG"},
       E2BIG,
       "buffers",
       "(percpu_array, key 4, value 131072, max_entries 1)"},
      {{"map 'empty': failed to create: Invalid argument(-22)"}, EINVAL, "empty", "max_entries is 0"},
      {{"map 'stacks': failed to create: -EINVAL"},
       EINVAL,
       "stacks",
       "500 frames deep, and kernel.perf_event_max_stack is"},
      {{"couldn't reuse pinned map at '/sys/fs/bpf/pinned': parameter mismatch",
        "map 'pinned': error reusing pinned map", "map 'pinned': failed to create: Invalid argument(-22)"},
       EINVAL,
       "pinned",
       "map 'pinned' is pinned at /sys/fs/bpf/pinned with another shape: "},
      {{"map 'outer': failed to create: -EINVAL"}, EINVAL, "outer", "it has no inner map: declare one"},
      {{"map 'empty': failed to create inner map: -22"}, EINVAL, "empty", "the inner map of 'empty' was refused"},
      {{"prog 'on_open': failed to find kernel BTF type ID of 'no_such': -3", "failed to load object 'tool'"},
       ESRCH,
       "on_open",
       "program 'on_open' attaches to 'no_such', which the running kernel does not have"},
      {{"extern (var ksym) 'bpf_gone': not found in kernel BTF"}, EINVAL, "bpf_gone", "no variable 'bpf_gone'"},
      {{"extern (func ksym) 'bpf_kfunc': not found in kernel or module BTFs"},
       EINVAL,
       "bpf_kfunc",
       "no function 'bpf_kfunc'"},
      {{"extern 'CONFIG_NOT' (strong): not resolved"}, ESRCH, "CONFIG_NOT", "the extern 'CONFIG_NOT' is nowhere"},
      {{"prog 'on_close': attach program FD is not set"}, EINVAL, "on_close", "bpf_program__set_attach_target()"},
      {{"struct_ops init_kern: struct tcp_congestion_opz is not found in kernel BTF"},
       ENOTSUP,
       "tcp_congestion_opz",
       "no struct"},
      {{"Error loading vmlinux BTF: -2"}, ENOENT, "", "CONFIG_DEBUG_INFO_BTF"},
      {{"prog 'on_close': BPF program load failed: -EINVAL", "prog 'on_close': failed to load: -22"},
       EINVAL,
       "on_close",
       "program 'on_close' was refused: the kernel does not take it"},
      {{"prog 'on_close': what a later libbpf finds"},
       EINVAL,
       "on_close",
       "program 'on_close': what a later libbpf finds"},
      {{"map 'empty': what a later libbpf finds"}, EINVAL, "empty", "map 'empty': what a later libbpf finds"},
      // Not the cause, and the cause behind it.
      {{"elf: skipping unrecognized data section(4) .eh_frame", "prog 'on_open': failed to bind map 'x': -22",
        "map 'empty': failed to create: -EINVAL", "failed to load object 'tool'"},
       EINVAL,
       "empty",
       "max_entries is 0"},
  };
  for (said const& each : cases) {
    BOOST_TEST_CONTEXT(each.lines.front()) {
      auto object = opened();
      fake::prints(call::object_load, each.lines);
      fake::fail(call::object_load, each.number);
      auto const error = test::error_of([&] { object.load(); });
      BOOST_TEST(error.code.value() == each.number);
      BOOST_TEST(error.map_name == each.subject);
      BOOST_TEST(has(error.hint, each.hint), error.hint);
      BOOST_TEST(has(bpfmap::last_error_text(), each.hint), bpfmap::last_error_text());
      BOOST_TEST(!object.loaded());
    }
  }
}

BOOST_AUTO_TEST_CASE(of_open_name_the_map_or_section_and_the_cause) {
  said const cases[] = {
      {{"map 'flows': unsupported map linkage static."}, EOPNOTSUPP, "flows", "map 'flows' is static, or hidden"},
      {{"elf: legacy map definitions in 'maps' section are not supported by libbpf v1.0+"},
       EOPNOTSUPP,
       "",
       "SEC(\".maps\")"},
      {{"BTF is required, but is missing or corrupted."}, ENOENT, "", "compile with clang -g"},
      {{"elf: endianness mismatch in tool.bpf.o."}, 4003, "", "-endian"},
      {{"sec 'xdp': program 'filter' is static and not supported"},
       ENOTSUP,
       "filter",
       "program 'filter' (section 'xdp') is static"},
      {{"map 'flows': unknown field 'max_entreis'."}, ENOTSUP, "flows", "'max_entreis'"},
  };
  for (said const& each : cases) {
    BOOST_TEST_CONTEXT(each.lines.front()) {
      fake::prints(call::object_open, each.lines);
      fake::fail(call::object_open, each.number);
      auto const error = test::error_of([] { (void)opened(); });
      BOOST_TEST(error.code.value() == each.number);
      BOOST_TEST(error.map_name == each.subject);
      BOOST_TEST(has(error.hint, each.hint), error.hint);
      BOOST_TEST(has(bpfmap::last_error_text(), "open on 'tool.bpf.o': "), bpfmap::last_error_text());
    }
  }
}

BOOST_AUTO_TEST_CASE(of_open_tell_a_file_that_is_there_from_one_that_is_not) {
  fake::fail(call::object_open, ENOENT, 2);
  std::error_code ec;
  (void)bpfmap::object::open("/proc/self/exe", ec);
  BOOST_TEST(has(bpfmap::last_error_text(), "it holds nothing that libbpf knows"), bpfmap::last_error_text());
  (void)bpfmap::object::open("/proc/self/no_such_file", ec);
  BOOST_TEST(has(bpfmap::last_error_text(), "there is no such file"), bpfmap::last_error_text());
}

BOOST_AUTO_TEST_CASE(keep_the_errno_and_the_whole_log_of_the_verifier_however_long) {
  std::string log;
  for (int i = 0; i < 40'000; ++i) log += std::to_string(i) + ": (07) r1 += 1                  ; R1=ctx(off=1)\n";
  log += "R1 invalid mem access 'scalar'\nprocessed 40001 insns (limit 1000000)\n";
  auto object = opened();
  fake::prints_log("on_open", log);
  fake::fail(call::object_load, EACCES);
  auto const error = test::error_of([&] { object.load(); });
  BOOST_TEST(error.code.value() == EACCES);
  BOOST_TEST(object.verifier_log().size() == log.size());
  BOOST_TEST((object.verifier_log() == log));
  BOOST_TEST(
      error.hint.starts_with("program 'on_open' was refused: the verifier says: R1 invalid mem access 'scalar'"));
  BOOST_TEST(has(error.hint, "the kernel's log (its end: verifier_log() has it all):\n"));
  BOOST_TEST(error.hint.size() < 10'000U);
  // As much of its end as was asked for.
  auto another = bpfmap::object::open("tool.bpf.o", {.verifier_log = 100});
  fake::prints_log("on_open", log);
  fake::fail(call::object_load, EACCES);
  std::error_code ec;
  another.load(ec);
  BOOST_TEST((another.verifier_log() == log.substr(log.size() - 100)));
  BOOST_TEST(has(bpfmap::last_error_text(), "R1 invalid mem access"));
}

BOOST_AUTO_TEST_CASE(find_the_verdict_among_instructions_and_registers) {
  using bpfmap::detail::verdict;
  BOOST_TEST(verdict("0: (85) call unknown#999\ninvalid func unknown#999\nprocessed 1 insns\n") ==
             "invalid func unknown#999");
  BOOST_TEST(verdict("; return *value;\n5: (79) r0 = *(u64 *)(r0 +0)\nR0 invalid mem access 'map_value_or_null'\n"
                     "verification time 40 usec\nstack depth 4\nprocessed 6 insns (limit 1000000) max_states\n") ==
             "R0 invalid mem access 'map_value_or_null'");
  BOOST_TEST(verdict("12: <invalid CO-RE relocation>\nfailed to resolve CO-RE relocation <byte_off> [7] struct x.y\n"
                     "processed 3 insns\n") == "failed to resolve CO-RE relocation <byte_off> [7] struct x.y");
  BOOST_TEST(verdict("0: R1=ctx(off=0,imm=0) R10=fp0\n0: (b7) r0 = 0\n R0_w=0\nprocessed 1 insns\n") == "");
  BOOST_TEST(verdict("6: (05) goto pc-1\ninfinite loop detected at insn 6\ncur state: R0=scalar(smin=-4095) R10=fp0\n"
                     "old state: R0=scalar(smin=-4095) R10=fp0\nprocessed 9 insns\n") ==
             "infinite loop detected at insn 6");
  BOOST_TEST(verdict("") == "");
  BOOST_TEST(verdict("\n\n") == "");
}

BOOST_AUTO_TEST_CASE(forget_a_failed_load_in_nothing) {
  auto object = opened();
  fake::fail(call::object_load, EINVAL);
  std::error_code ec;
  object.load(ec);
  BOOST_TEST(!object.loaded());
  BOOST_TEST(has(test::message_of([&] { object.load(); }), "load() was called before and failed"));
  auto const map = test::error_of([&] { (void)object.map<test::flows>("pinned"); });
  BOOST_TEST(map.code.value() == EBADF);
  BOOST_TEST(map.hint == "load() has failed");
}

BOOST_AUTO_TEST_CASE(tell_a_map_that_was_not_to_be_created_from_an_object_that_is_not_loaded) {
  auto object = opened();
  object.map("empty").set_autocreate(false);
  BOOST_TEST(test::error_of([&] { (void)object.map<test::flows>("empty"); }).hint == "the object is not loaded");
  object.load();
  auto const error = test::error_of([&] { (void)object.map<test::flows>("empty"); });
  BOOST_TEST(error.code.value() == EBADF);
  BOOST_TEST(error.hint == "its autocreate was off: load() has not created it");
}

BOOST_AUTO_TEST_CASE(list_the_names_there_are_with_the_nearest_first_and_not_all_of_a_thousand) {
  fake::object_shape shape{.programs = {}, .maps = {}};
  for (int i = 0; i < 1000; ++i) shape.programs.push_back("program_" + std::to_string(i));
  shape.programs.emplace_back("on_exit");
  fake::set_object(shape);
  auto const object = opened();
  auto const error = test::error_of([&] { (void)object.program("on_exti"); });
  BOOST_TEST(has(error.hint, "it has on_exit, "), error.hint);
  BOOST_TEST(has(error.hint, " and 993 more"), error.hint);
  BOOST_TEST(error.hint.size() < 300U);
}

BOOST_AUTO_TEST_CASE(of_attaching_say_what_libbpf_said) {
  auto object = opened();
  object.load();
  fake::prints(call::attach, {"prog 'on_open': failed to attach to raw tracepoint 'no_such': -2"});
  fake::fail(call::attach, ENOENT);
  auto const error = test::error_of([&] { (void)object.program("on_open").attach(); });
  BOOST_TEST(has(error.hint, "the running kernel has no such hook: "), error.hint);
  BOOST_TEST(has(error.hint, "raw tracepoint 'no_such'"), error.hint);
}

BOOST_AUTO_TEST_CASE(need_no_memory) {
  auto object = opened();
  fake::prints(call::object_load, {"map 'empty': failed to create: -EINVAL"});
  fake::fail(call::object_load, EINVAL);
  std::error_code ec;
  object.load(ec);
  BOOST_TEST(bpfmap::last_error_text() ==
             "load on object 'tool': Invalid argument [EINVAL]: map 'empty' (hash, key 4, value 8, max_entries 0) was "
             "refused: max_entries is 0");
  (void)object.map("nothing", ec);
  BOOST_TEST(has(bpfmap::last_error_text(), "map on 'nothing' of object 'tool': "));
  std::string const long_name(5000, 'x');
  (void)object.program(long_name, ec);
  BOOST_TEST(bpfmap::last_error_text().size() < 1600U);
  BOOST_TEST(has(bpfmap::last_error_text(), "…"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(libbpf_lines, with_object)

BOOST_AUTO_TEST_CASE(go_to_the_users_callback_also_while_an_error_quotes_them) {
  callback_lines.clear();
  libbpf_set_print(&collect);
  fake::prints(call::object_load, {"map 'empty': failed to create: -EINVAL"});
  fake::prints_log("on_open", "not for the callback\n");
  fake::fail(call::object_load, EINVAL);
  auto object = opened();
  std::error_code ec;
  object.load(ec);
  BOOST_TEST(has(bpfmap::last_error_text(), "max_entries is 0"));
  BOOST_REQUIRE(callback_lines.size() == 2U);
  BOOST_TEST(callback_lines[0] == "libbpf: map 'empty': failed to create: -EINVAL\n");
  BOOST_TEST(has(callback_lines[1], "BPF program load failed"));
  BOOST_TEST((libbpf_set_print(nullptr) == &collect));
}

BOOST_AUTO_TEST_CASE(go_to_the_callback_that_the_user_has_set_last) {
  callback_lines.clear();
  libbpf_print_fn_t const before = libbpf_set_print(nullptr);
  {
    bpfmap::capture_libbpf_log const guard;
    // While a guard of this thread stands in its place. It is not put back over the user's.
    libbpf_set_print(&collect);
  }
  BOOST_TEST((libbpf_set_print(&collect) == &collect));
  fake::prints(call::object_open, {"elf: one"});
  (void)opened();
  BOOST_TEST(callback_lines.size() == 1U);
  libbpf_set_print(before);
}

BOOST_AUTO_TEST_CASE(go_on_through_a_callback_that_passes_them_on_to_the_one_before_it) {
  callback_lines.clear();
  static libbpf_print_fn_t passes_to = nullptr;
  static int passed = 0;
  libbpf_set_print(&collect);
  {
    bpfmap::capture_libbpf_log const guard;
    passes_to = libbpf_set_print(+[](enum libbpf_print_level level, char const* format, va_list arguments) {
      ++passed;
      return passes_to(level, format, arguments);
    });
  }
  fake::prints(call::object_open, {"elf: one"});
  (void)opened();
  BOOST_TEST(passed == 1);
  BOOST_TEST(callback_lines.size() == 1U);
  libbpf_set_print(nullptr);
}

BOOST_AUTO_TEST_CASE(of_another_thread_go_past_a_guard) {
  callback_lines.clear();
  libbpf_set_print(&collect);
  {
    bpfmap::capture_libbpf_log const guard;
    std::thread([] { fake::say("plain\n"); }).join();
    BOOST_TEST(guard.text() == "");
    BOOST_TEST(callback_lines.size() == 1U);
    std::thread([] {
      bpfmap::capture_libbpf_log const own;
      fake::say("own\n");
      BOOST_TEST(own.text() == "own\n");
    }).join();
    fake::say("first\n");
    BOOST_TEST(guard.text() == "first\n");
  }
  BOOST_TEST(callback_lines.size() == 1U);
  libbpf_set_print(nullptr);
}

BOOST_AUTO_TEST_CASE(are_those_of_the_thread_that_made_libbpf_print_them) {
  // One thread makes libbpf print all the time, while guards come and go in others.
  static std::atomic<unsigned> others{0};
  libbpf_set_print(+[](enum libbpf_print_level, char const*, va_list) { return static_cast<int>(++others); });
  constexpr unsigned rounds = 2000;
  std::atomic<unsigned> wrong{0};
  auto const guarded = [&](std::string const& line) {
    for (unsigned i = 0; i < rounds; ++i) {
      bpfmap::capture_libbpf_log const guard;
      fake::say(line);
      if (guard.text() != line) ++wrong;
    }
  };
  std::thread noisy([&] { guarded("noisy\n"); });
  std::thread plain([] {
    for (unsigned i = 0; i < rounds; ++i) fake::say("plain\n");
  });
  guarded("own\n");
  noisy.join();
  plain.join();
  BOOST_TEST(wrong == 0U);
  BOOST_TEST(others == rounds);  // the thread without a guard
  libbpf_set_print(nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
