// SPDX-License-Identifier: MIT
// Memory shared with programs: where it is, what of it is there, and what programs write into it.
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <cstring>

#include <sys/mman.h>
#include <sys/wait.h>

namespace ut = boost::unit_test;
using bpfmap::arena;

namespace {

// Far from where programs, libraries and the sanitizers' shadows lie.
constexpr std::uint64_t fixed_address = 0x2000'0000'0000;

// Runs `f` in a child process, which ends with what it returns.
template <class F>
int in_another_process(F&& f) {
  pid_t const process = fork();
  if (process == 0) _exit(f());
  int status = 0;
  waitpid(process, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// libbpf maps the arenas of an object since 1.4 only; before, the address that the kernel wants to know when it loads
// the programs must be a fixed one.
bpfmap::object with_an_arena(char const* name) {
  auto object = bpfmap::object::open(test::object_path(name));
  bpf_map__set_map_extra(object.map("heap").get(), fixed_address);
  object.load();
  return object;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(arenas, *ut::precondition(test::since{{6, 9}}))

BOOST_AUTO_TEST_CASE(the_whole_arena_is_memory_of_zeros_and_keeps_what_is_written) {
  test::no_leak const watch;
  auto heap = arena::create({.name = "heap", .max_entries = 16});
  BOOST_TEST(heap.bytes() == 16 * arena::page_size());
  BOOST_TEST(heap.max_size() == 16U);
  auto const all = heap.span<std::uint64_t>(0, heap.bytes() / 8);
  BOOST_TEST(std::ranges::count(all, 0U) == static_cast<std::ptrdiff_t>(all.size()));
  all.back() = 77;
  BOOST_TEST(heap.span<std::uint32_t>(heap.bytes() - 8, 2)[0] == 77U);
  BOOST_TEST((reinterpret_cast<std::byte*>(all.data()) == heap.data()));
  BOOST_TEST(heap.span<std::uint64_t>(heap.bytes(), 0).empty());
}

BOOST_AUTO_TEST_CASE(spans_that_do_not_lie_in_it_are_errors_that_say_so) {
  auto heap = arena::create({.name = "heap", .max_entries = 1});
  std::size_t const page = arena::page_size();
  auto message = test::message_of([&] { (void)heap.span<std::uint64_t>(page - 8, 2); });
  BOOST_TEST(test::has(message, "span on 'heap' (arena"), message);
  BOOST_TEST(test::has(message, "ERANGE"), message);
  BOOST_TEST(test::has(message, "2 objects of 8 bytes from offset"), message);
  message = test::message_of([&] { (void)heap.span<std::uint64_t>(12, 1); });
  BOOST_TEST(test::has(message, "offset 12 is not a multiple of 8"), message);
  for (auto const& [offset, count] : std::initializer_list<std::pair<std::uint64_t, std::size_t>>{
           {0, page + 1}, {page, 1}, {page + 1, 0}, {1, page}, {UINT64_MAX, 1}, {8, SIZE_MAX}}) {
    std::error_code ec;
    BOOST_TEST(heap.span<std::byte>(offset, count, ec).empty());
    BOOST_TEST((ec == std::errc::result_out_of_range));
  }
  std::error_code ec;
  BOOST_TEST(std::as_const(heap).span<std::byte>(1, page - 1, ec).size() == page - 1);
  BOOST_TEST(!ec);
}

BOOST_AUTO_TEST_CASE(all_objects_for_an_arena_in_a_process_share_its_one_address) {
  test::no_leak const watch;
  auto heap = arena::create({.name = "heap", .max_entries = 4});
  heap.span<int>(0, 1)[0] = 5;
  auto copy = heap.clone();
  auto third = arena::from_fd(heap.fd());
  BOOST_TEST((copy.data() == heap.data()));
  BOOST_TEST((third.data() == heap.data()));
  auto const moved = std::move(heap);
  BOOST_TEST((heap.data() == nullptr));  // NOLINT: a moved-from arena is empty
  BOOST_TEST(heap.bytes() == 0U);
  std::error_code ec;
  BOOST_TEST(heap.span<int>(0, 1, ec).empty());
  BOOST_TEST((ec == std::errc::bad_file_descriptor));
  third = {};
  copy.span<int>(0, 1)[0] = 6;
  BOOST_TEST(moved.span<int>(0, 1)[0] == 6);
}

BOOST_AUTO_TEST_CASE(the_memory_is_unmapped_with_the_last_object) {
  std::byte* at = nullptr;
  {
    auto heap = arena::create({.name = "heap", .max_entries = 4});
    at = heap.data();
    auto const copy = heap.clone();
    heap = {};
    unsigned char there = 0;
    BOOST_TEST(mincore(at, arena::page_size(), &there) == 0);
  }
  unsigned char there = 0;
  BOOST_TEST(mincore(at, arena::page_size(), &there) == -1);
}

BOOST_AUTO_TEST_CASE(a_fixed_address_is_where_it_is_and_other_processes_see_it_there) {
  auto heap = arena::create({.name = "heap", .max_entries = 4, .map_extra = fixed_address});
  BOOST_TEST(reinterpret_cast<std::uint64_t>(heap.data()) == fixed_address);
  BOOST_TEST(heap.info().map_extra == fixed_address);
  heap.span<int>(0, 1)[0] = 5;
  int const fd = heap.fd();
  // Newer kernels do not pass arenas on over fork(), older ones do: without either's, the child maps it again, by the
  // object that it has a copy of the descriptor of.
  int const seen = in_another_process([&] {
    munmap(reinterpret_cast<void*>(fixed_address), 4 * arena::page_size());
    std::error_code ec;
    auto const memory = bpfmap::detail::arena_memory::share(~0U, fd, 4 * arena::page_size(), fixed_address, ec);
    if (ec) return 100;
    int const found = *reinterpret_cast<int*>(memory.data());
    *reinterpret_cast<int*>(memory.data()) = 6;
    return found;
  });
  BOOST_TEST(seen == 5);
  BOOST_TEST(heap.span<int>(0, 1)[0] == 6);
}

BOOST_AUTO_TEST_CASE(what_is_at_the_fixed_address_is_not_replaced) {
  void* const there = mmap(reinterpret_cast<void*>(fixed_address), arena::page_size(), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  BOOST_TEST_REQUIRE((there != MAP_FAILED));
  *static_cast<int*>(there) = 9;
  auto const message =
      test::message_of([] { (void)arena::create({.name = "heap", .max_entries = 4, .map_extra = fixed_address}); });
  BOOST_TEST(test::has(message, "something else is mapped at its address"), message);
  BOOST_TEST(*static_cast<int*>(there) == 9);
  munmap(there, arena::page_size());
}

BOOST_AUTO_TEST_CASE(an_arena_that_another_process_mapped_where_it_liked_is_an_error_with_a_reason) {
  auto heap = arena::create({.name = "heap", .max_entries = 4});
  bpfmap::unique_fd const fd = heap.release();  // unmapped here: the address is still the arena's
  auto const message = test::message_of([&] { (void)arena::from_fd(fd.get()); });
  BOOST_TEST(test::has(message, "mapped before at an address of the kernel's choice"), message);
}

BOOST_AUTO_TEST_CASE(sizes_and_addresses_that_cannot_be_are_refused_with_a_reason) {
  auto message = test::message_of([] { (void)arena::create({.name = "heap"}); });
  BOOST_TEST(test::has(message, "max_entries is 0"), message);
  message = test::message_of([] { (void)arena::create({.name = "heap", .max_entries = (1U << 20) + 1}); });
  BOOST_TEST(test::has(message, "4 GiB at the most"), message);
  message = test::message_of([] { (void)arena::create({.name = "heap", .max_entries = 1, .map_extra = 12}); });
  BOOST_TEST(test::has(message, "not a multiple of the page size"), message);
  std::uint64_t const last_page = fixed_address - arena::page_size();
  message = test::message_of([&] { (void)arena::create({.name = "heap", .max_entries = 2, .map_extra = last_page}); });
  BOOST_TEST(test::has(message, "cross a multiple of 4 GiB"), message);
}

BOOST_AUTO_TEST_CASE(pages_are_allocated_before_they_are_touched) {
  auto heap = arena::create({.name = "heap", .max_entries = 8});
  heap.span<int>(2 * arena::page_size(), 1)[0] = 3;
  heap.allocate_pages(1, 3);
  BOOST_TEST(heap.span<int>(2 * arena::page_size(), 1)[0] == 3);
  unsigned char there[8] = {};
  BOOST_TEST(mincore(heap.data(), 8 * arena::page_size(), there) == 0);
  for (std::size_t i = 0; i < 8; ++i) BOOST_TEST((there[i] & 1) == (i >= 1 && i <= 3 ? 1 : 0), "page " << i);
  heap.allocate_pages(0, 8);
  heap.allocate_pages(8, 0);
  auto const message = test::message_of([&] { heap.allocate_pages(7, 2); });
  BOOST_TEST(test::has(message, "it has 8 pages"), message);
  std::error_code ec;
  heap.allocate_pages(UINT64_MAX, 2, ec);
  BOOST_TEST((ec == std::errc::result_out_of_range));
}

BOOST_AUTO_TEST_CASE(pages_of_a_strict_arena_are_an_error_and_not_a_signal) {
  auto heap = arena::create({.name = "heap", .max_entries = 8, .flags = bpfmap::map_flags::segv_on_fault});
  auto const message = test::message_of([&] { heap.allocate_pages(0, 1); });
  BOOST_TEST(test::has(message, "EFAULT"), message);
  BOOST_TEST(test::has(message, "only programs allocate pages"), message);
}

BOOST_AUTO_TEST_CASE(an_arena_cannot_be_frozen_because_it_is_mapped) {
  auto const heap = arena::create({.name = "heap", .max_entries = 1});
  auto const message = test::message_of([&] { heap.freeze(); });
  BOOST_TEST(test::has(message, "a writable mapping of the map exists"), message);
}

BOOST_AUTO_TEST_CASE(programs_and_user_space_write_the_same_memory) {
  test::no_leak const watch;
  auto object = with_an_arena("arenas");
  auto heap = object.map<arena>("heap");
  auto const numbers = heap.span<std::uint64_t>(arena::page_size(), 2);
  numbers[1] = 41;
  object.global<std::uint64_t>("address") = reinterpret_cast<std::uint64_t>(&numbers[1]);
  object.program("add").run();
  BOOST_TEST(numbers[1] == 42U);
  BOOST_TEST(numbers[0] == 0U);
}

BOOST_AUTO_TEST_CASE(a_page_that_a_program_allocated_is_there_for_user_space) {
  auto object = with_an_arena("arenas_strict");
  auto heap = object.map<arena>("heap");
  BOOST_TEST(object.program("allocate").run().return_value == 0U);
  auto const address = object.global<std::uint64_t>("address");
  std::uint64_t const offset = address - reinterpret_cast<std::uint64_t>(heap.data());
  BOOST_TEST_REQUIRE(offset < heap.bytes());
  heap.allocate_pages(offset / arena::page_size(), 1);  // is there: no error
  BOOST_TEST(heap.span<std::uint64_t>(offset, 1)[0] == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
