// SPDX-License-Identifier: MIT
// Descriptors 0, 1 and 2 are standard input, output and error, also where a process was started without them: what it
// opens for these later must not be a map, and what it prints must not go into one.
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <array>
#include <functional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ut = boost::unit_test;
using table = bpfmap::hash<std::uint32_t, std::uint64_t>;

namespace {

/// What `f` leaves open in a child process that has none of the three: 100 for none, else the lowest. -1 for an error.
int left_below_three(std::function<void()> const& f) {
  pid_t const child = ::fork();
  if (child == 0) {
    for (int fd = 0; fd < 3; ++fd) ::close(fd);
    int answer = 100;
    try {
      f();
    } catch (...) {
      answer = 99;
    }
    ::_exit(answer);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Ends the child with the lowest of the three that is open.
void look() {
  for (int fd = 0; fd < 3; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) ::_exit(fd);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(descriptors, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(of_maps_are_never_those_of_standard_input_output_and_error) {
  auto const map = table::create({.name = "table", .max_entries = 4096});
  map.insert_or_assign(1, 1);
  struct way {
    char const* name;
    std::function<void()> take;
    bpfmap::kernel_version since = {5, 10};
  };
  std::vector<way> const ways{
      {"create",
       [] {
         auto const made = table::create({.max_entries = 4});
         look();
       }},
      {"from_fd",
       [&] {
         auto const made = table::from_fd(map.fd());
         look();
       }},
      {"clone",
       [&] {
         auto const made = map.clone();
         look();
       }},
      {"from_id",
       [&] {
         auto const made = table::from_id(map.id());
         look();
       }},
      {"duplicate",
       [&] {
         std::error_code ec;
         auto const made = bpfmap::unique_fd::duplicate(map.fd(), ec);
         look();
       }},
      {"what was somebody else's",
       [&] {
         bpfmap::unique_fd made(::dup(map.fd()));
         look();
         made.reset(::dup(map.fd()));
         look();
       }},
      {"task storages by a process id",
       [&] {
         auto const tasks = bpfmap::task_storage<std::uint64_t>::create({.name = "marks"});
         tasks.insert_or_assign(bpfmap::pid(::getpid()), 1);
         look();
       },
       {5, 11}},
      {"perf readers",
       [] {
         auto const events = bpfmap::perf_event_array<>::create({.name = "events"});
         auto const reader = bpfmap::perf_reader<std::uint64_t>::open(events);
         look();
       }},
      {"programs of bpfmap's own",
       [&] {
         auto own = table::create({.name = "own", .max_entries = 4096});
         own.set_bulk_path(bpfmap::bulk_path::in_kernel);
         std::array<std::uint32_t, 2> const keys{1, 2};
         std::array<std::uint64_t, 2> out{};
         own.find(keys, out);
         for (int i = 0; i < 100; ++i) (void)own.size();
         auto const queue = bpfmap::queue<int>::create({.name = "queue", .max_entries = 4});
         (void)queue.size();
         look();
       },
       {5, 14}},
      {"locks, which need BTF",
       [] {
         struct guarded {
           bpf_spin_lock lock;
           std::uint32_t count;
         };
         auto const made = bpfmap::task_storage<guarded>::create({.name = "guarded"});
         look();
       },
       {5, 11}},
  };
  for (auto const& [name, take, since] : ways) {
    if (test::running_kernel() >= since) BOOST_TEST(left_below_three(take) == 100, name);
  }
}

BOOST_AUTO_TEST_CASE(of_pins_are_not_either) {
  auto const map = table::create({.name = "table", .max_entries = 4});
  test::private_bpffs const bpffs;
  BOOST_REQUIRE(bpffs.mounted());
  map.pin(bpffs / "map");
  BOOST_TEST(left_below_three([&] {
               auto const made = table::open_pinned(bpffs / "map");
               look();
             }) == 100);
}

BOOST_AUTO_TEST_CASE(of_objects_are_not_either) {
  BOOST_TEST(left_below_three([] {
               auto object = bpfmap::object::open(test::object_path("counters"));
               object.load();
               look();
               auto const hits = object.map<bpfmap::percpu_hash<std::uint32_t, std::uint64_t>>("hits");
               auto const link = object.program("count").attach();
               look();
             }) == 100);
}

BOOST_AUTO_TEST_CASE(that_cannot_be_moved_are_an_error_and_not_left_open) {
  auto const map = table::create({.name = "table", .max_entries = 4});
  BOOST_TEST(left_below_three([&] {
               rlimit const low{3, 3};
               ::setrlimit(RLIMIT_NOFILE, &low);
               bpfmap::unique_fd const none(::dup(map.fd()));
               if (none || errno != EMFILE) ::_exit(98);
               look();
             }) == 100);
}

BOOST_AUTO_TEST_SUITE_END()
