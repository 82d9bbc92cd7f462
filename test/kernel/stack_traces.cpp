// SPDX-License-Identifier: MIT
// Stacks that a program takes of this very thread, and finds again by their ids.
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include <elf.h>
#include <link.h>
#include <sys/syscall.h>

namespace ut = boost::unit_test;
using bpfmap::build_id_frame;
using bpfmap::stack_trace;

namespace {

// The system call that is traced, as an instruction of its own: the innermost frame is the function that it stands in.
[[gnu::always_inline]] inline long ask_for_parent() {
#if defined(__x86_64__)
  long result = SYS_getppid;
  asm volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long number asm("x8") = SYS_getppid;
  register long result asm("x0") = 0;
  asm volatile("svc #0" : "+r"(result) : "r"(number) : "memory");
  return result;
#else
  return syscall(SYS_getppid);
#endif
}

// Asking for the frame's address makes the compiler keep a frame pointer, which the kernel follows.
#define KEEP_FRAME asm volatile("" : : "r"(__builtin_frame_address(0)) : "memory")

[[gnu::noinline]] void innermost() {
  KEEP_FRAME;
  ask_for_parent();
  KEEP_FRAME;
}
[[gnu::noinline]] void outer() {
  KEEP_FRAME;
  innermost();
  KEEP_FRAME;
}
[[gnu::noinline]] void nested(int depth) {
  KEEP_FRAME;
  if (depth == 0)
    innermost();
  else
    nested(depth - 1);
  KEEP_FRAME;
}
// Which of the functions above an address lies in: the nearest that begins before it. They are short, whatever the
// compiler and its sanitizers make of them.
template <class F>
bool is_in(std::uint64_t address, F* function) {
  auto const start = reinterpret_cast<std::uint64_t>(function);
  for (std::uint64_t const other :
       {reinterpret_cast<std::uint64_t>(&innermost), reinterpret_cast<std::uint64_t>(&outer),
        reinterpret_cast<std::uint64_t>(&nested)}) {
    if (other > start && other <= address) return false;
  }
  return address >= start && address < start + 1024;
}

struct tracer {
  bpfmap::object object = test::loaded("stacks");
  bpfmap::link attached;

  tracer() {
    object.global<std::uint64_t>("wanted_call") = SYS_getppid;
    object.global<std::uint32_t>("wanted_thread") = static_cast<std::uint32_t>(gettid());
    attached = object.program("take_stack").attach();
  }
  std::int64_t id(char const* name) { return object.global<std::int64_t>(name); }
};

// Where this executable is loaded, and its build id.
struct image {
  std::uint64_t base = 0;
  std::vector<std::byte> build_id;
  std::uint64_t code_address = 0;
  std::uint64_t code_offset = 0;

  static image of_this_program() {
    image found;
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* to) {
          static_cast<image*>(to)->read(*info);
          return 1;  // the first is the executable itself
        },
        &found);
    return found;
  }

 private:
  void read(dl_phdr_info const& info) {
    base = info.dlpi_addr;
    for (int i = 0; i < info.dlpi_phnum; ++i) {
      auto const& header = info.dlpi_phdr[i];
      if (header.p_type == PT_LOAD && (header.p_flags & PF_X) != 0) {
        code_address = base + header.p_vaddr;
        code_offset = header.p_offset;
      }
      if (header.p_type == PT_NOTE)
        read_notes(reinterpret_cast<std::byte const*>(base + header.p_vaddr), header.p_memsz);
    }
  }
  void read_notes(std::byte const* at, std::size_t bytes) {
    for (std::byte const* const end = at + bytes; at + sizeof(ElfW(Nhdr)) <= end;) {
      ElfW(Nhdr) note{};
      std::memcpy(&note, at, sizeof note);
      std::byte const* const name = at + sizeof note;
      std::byte const* const content = name + (note.n_namesz + 3) / 4 * 4;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0) {
        build_id.assign(content, content + note.n_descsz);
      }
      at = content + (note.n_descsz + 3) / 4 * 4;
    }
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(stack_traces, *ut::precondition(test::since{{5, 10}}))

BOOST_AUTO_TEST_CASE(a_stack_that_a_program_took_holds_the_functions_that_were_running) {
  test::no_leak const watch;
  tracer traced;
  auto const stacks = traced.object.map<stack_trace<64>>("stacks");
  outer();
  BOOST_REQUIRE(traced.id("stack_id") >= 0);
  auto const stack = stacks.find(static_cast<std::uint32_t>(traced.id("stack_id")));
  BOOST_REQUIRE(stack.has_value());
  BOOST_REQUIRE(stack->size() >= 3U);
  BOOST_TEST(is_in((*stack)[0], innermost));
  BOOST_TEST(is_in((*stack)[1], outer));
  BOOST_TEST(!is_in((*stack)[1], innermost));
  BOOST_TEST(std::ranges::count(*stack, std::uint64_t{0}) == 0);
  BOOST_TEST(!stack->empty());
  BOOST_TEST((stacks.at(static_cast<std::uint32_t>(traced.id("stack_id"))) == *stack));
}

BOOST_AUTO_TEST_CASE(the_same_stack_has_the_same_id_and_another_one_another) {
  tracer traced;
  auto const stacks = traced.object.map<stack_trace<64>>("stacks");
  std::set<std::int64_t> ids;
  for (int i = 0; i < 3; ++i) {
    outer();
    ids.insert(traced.id("stack_id"));
  }
  BOOST_TEST(ids.size() == 1U);
  BOOST_TEST(stacks.size() == 1U);
  nested(2);
  BOOST_TEST(!ids.contains(traced.id("stack_id")));
}

BOOST_AUTO_TEST_CASE(ids_beyond_max_entries_are_found_listed_and_erased_like_others) {
  tracer traced;
  auto const stacks = traced.object.map<stack_trace<>>("few_stacks");
  std::set<std::uint32_t> ids;
  for (int depth = 0; depth < 30; ++depth) {
    nested(depth);
    BOOST_TEST_REQUIRE(traced.id("few_id") >= 0);
    ids.insert(static_cast<std::uint32_t>(traced.id("few_id")));
  }
  BOOST_TEST(stacks.max_size() == 33U);
  BOOST_TEST(*ids.rbegin() >= 33U);
  BOOST_TEST(stacks.contains(*ids.rbegin()));
  std::set<std::uint32_t> listed;
  for (std::uint32_t const id : stacks.keys()) listed.insert(id);
  BOOST_TEST((listed == ids));
  BOOST_TEST(stacks.size() == ids.size());
  for (std::uint32_t const id : ids) BOOST_TEST(stacks.erase(id));
  BOOST_TEST(stacks.empty());
}

BOOST_AUTO_TEST_CASE(ids_that_no_stack_has_are_absent_whatever_their_number) {
  auto const stacks = stack_trace<64>::create({.name = "stacks", .max_entries = 10});
  for (std::uint32_t const id : {0U, 10U, 15U, 16U, 1000000U, static_cast<std::uint32_t>(-EEXIST)}) {
    BOOST_TEST(!stacks.find(id).has_value());
    BOOST_TEST(!stacks.contains(id));
    BOOST_TEST(!stacks.erase(id));
    BOOST_CHECK_THROW((void)stacks.at(id), std::out_of_range);
  }
  BOOST_TEST(stacks.empty());
  BOOST_TEST(stacks.size() == 0U);
}

BOOST_AUTO_TEST_CASE(a_stack_by_build_ids_names_this_executable_and_the_place_in_it) {
  tracer traced;
  auto const stacks = traced.object.map<stack_trace<16, build_id_frame>>("build_ids");
  image const self = image::of_this_program();
  std::optional<bpfmap::stack_frames<16, build_id_frame>> stack;
  // The kernel gives addresses when another thread changes the memory's layout just then.
  for (int tries = 0; tries < 100 && !(stack && stack->begin()->file_offset()); ++tries) {
    outer();
    BOOST_REQUIRE(traced.id("build_id") >= 0);
    stack = stacks.find(static_cast<std::uint32_t>(traced.id("build_id")));
    if (self.build_id.empty()) break;
  }
  BOOST_REQUIRE(stack.has_value());
  BOOST_REQUIRE(stack->size() >= 2U);
  build_id_frame const& first = (*stack)[0];
  if (self.build_id.empty()) {
    BOOST_TEST((first.how == build_id_frame::kind::address));
    BOOST_TEST(is_in(first.position, innermost));
    return;
  }
  BOOST_TEST(std::equal(self.build_id.begin(), self.build_id.end(), first.build_id.begin()));
  BOOST_REQUIRE(first.file_offset().has_value());
  BOOST_TEST(is_in(*first.file_offset() - self.code_offset + self.code_address, innermost));
}

BOOST_AUTO_TEST_CASE(extract_takes_a_stack_out, *ut::precondition(test::since{{6, 18}})) {
  tracer traced;
  auto const stacks = traced.object.map<stack_trace<64>>("stacks");
  outer();
  auto const id = static_cast<std::uint32_t>(traced.id("stack_id"));
  auto const stack = stacks.extract(id);
  BOOST_REQUIRE(stack.has_value());
  BOOST_TEST(is_in((*stack)[0], innermost));
  BOOST_TEST(!stacks.contains(id));
  BOOST_TEST(!stacks.extract(id).has_value());
}

BOOST_AUTO_TEST_CASE(addresses_and_build_ids_are_not_taken_for_each_other) {
  auto const build_ids = stack_trace<16, build_id_frame>::create({.name = "ids", .max_entries = 4});
  BOOST_TEST((build_ids.info().flags & bpfmap::map_flags::stack_build_id) != 0U);
  auto message = test::message_of([&] { (void)stack_trace<64>::from_fd(build_ids.fd()); });  // as many bytes
  BOOST_TEST(test::has(message, "use stack_trace<16, build_id_frame>"), message);
  auto const addresses = stack_trace<64>::create({.name = "stacks", .max_entries = 4});
  message = test::message_of([&] { (void)(stack_trace<16, build_id_frame>::from_fd(addresses.fd())); });
  BOOST_TEST(test::has(message, "expected also stack_build_id"), message);
  message = test::message_of([] { (void)stack_trace<100'000>::create({.name = "deep", .max_entries = 4}); });
  BOOST_TEST(test::has(message, "stacks of 100000 frames are too deep"), message);
  BOOST_TEST(test::has(message, "kernel.perf_event_max_stack is "), message);
  message = test::message_of([&] { (void)stack_trace<32>::from_fd(addresses.fd()); });
  BOOST_TEST(test::has(message, "value size is 512, expected 256"), message);
}

BOOST_AUTO_TEST_SUITE_END()
