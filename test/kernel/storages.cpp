// SPDX-License-Identifier: MIT
// Values that lie with tasks, sockets, inodes and cgroups: written by programs and by user space.
#include "../support/cgroup.hpp"
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include "../../bpf/storages.h"

#include <array>
#include <csignal>
#include <future>
#include <thread>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace ut = boost::unit_test;
using bpfmap::cgroup_fd;
using bpfmap::cgroup_storage;
using bpfmap::cgroup_storage_key;
using bpfmap::cgrp_storage;
using bpfmap::file_fd;
using bpfmap::inode_storage;
using bpfmap::percpu_cgroup_storage;
using bpfmap::pid;
using bpfmap::pid_fd;
using bpfmap::sk_storage;
using bpfmap::socket_fd;
using bpfmap::task_storage;
using bpfmap::unique_fd;

namespace {

// A value that the kernel must find a lock in, between members that cannot be listed.
struct guarded {
  std::uint32_t low : 3;
  std::uint32_t high : 29;
  union {
    std::uint64_t whole;
    std::uint32_t halves[2];
  };
  bpf_spin_lock lock;
  std::uint32_t behind;
};

unique_fd pidfd_of(pid_t process) { return unique_fd(static_cast<int>(syscall(SYS_pidfd_open, process, 0))); }
unique_fd a_socket() { return unique_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)); }
unique_fd a_file() { return unique_fd(memfd_create("bpfmap-test", MFD_CLOEXEC)); }

// A process that waits to be told to go.
class child {
 public:
  child() : id_(fork()) {
    if (id_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pause();
    _exit(0);
  }
  child(child const&) = delete;
  child& operator=(child const&) = delete;
  ~child() { end(); }

  [[nodiscard]] pid_t id() const { return id_; }
  void end() {
    if (id_ <= 0) return;
    kill(id_, SIGKILL);
    waitpid(id_, nullptr, 0);
    id_ = -1;
  }

 private:
  pid_t id_;
};

// What all local storages do alike, on a map and the key of an object that is there.
template <class Map>
void check_elements(Map const& map, typename Map::key_type key) {
  BOOST_TEST(!map.find(key).has_value());
  BOOST_TEST(!map.contains(key));
  BOOST_CHECK_THROW((void)map.at(key), std::out_of_range);
  BOOST_TEST(!map.assign(key, 1));
  BOOST_TEST(!map.erase(key));
  BOOST_TEST(map.insert(key, 2));
  BOOST_TEST(!map.insert(key, 3));
  BOOST_TEST(map.at(key) == 2U);
  BOOST_TEST(map.assign(key, 4));
  BOOST_TEST(map.find(key).value() == 4U);
  map.insert_or_assign(key, 5);
  BOOST_TEST(map.at(key) == 5U);
  BOOST_TEST(map.erase(key));
  BOOST_TEST(!map.contains(key));
  map.insert_or_assign(key, 6);
  BOOST_TEST(map.contains(key));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(storages, *ut::precondition(test::since{{5, 11}}))

BOOST_AUTO_TEST_CASE(sockets_have_values) {
  test::no_leak const watch;
  unique_fd const socket = a_socket();
  auto const map = sk_storage<std::uint64_t>::create({.name = "marks"});
  BOOST_TEST(map.info().btf_value_type_id != 0U);
  check_elements(map, socket_fd(socket.get()));
  // Another descriptor of the same socket is the same key, another socket is not.
  std::error_code ec;
  unique_fd const same = unique_fd::duplicate(socket.get(), ec);
  BOOST_TEST(map.at(socket_fd(same.get())) == 6U);
  BOOST_TEST(!map.contains(socket_fd(a_socket().get())));
}

BOOST_AUTO_TEST_CASE(inodes_have_values, *ut::precondition([](ut::test_unit_id) {
                       std::error_code ec;
                       (void)inode_storage<int>::create({}, ec);
                       boost::test_tools::assertion_result result(!ec);
                       if (ec) result.message() << "inode_storage cannot be created here: " << ec.message();
                       return result;
                     })) {
  test::no_leak const watch;
  unique_fd const file = a_file();
  check_elements(inode_storage<std::uint64_t>::create({.name = "marks"}), file_fd(file.get()));
}

BOOST_AUTO_TEST_CASE(tasks_have_values) {
  test::no_leak const watch;
  unique_fd const self = pidfd_of(getpid());
  check_elements(task_storage<std::uint64_t>::create({.name = "marks"}), pid_fd(self.get()));
}

BOOST_AUTO_TEST_CASE(cgroups_have_values,
                     *ut::precondition(test::has_cgroups) * ut::precondition(test::since{{6, 2}})) {
  test::no_leak const watch;
  test::cgroup const group;
  check_elements(cgrp_storage<std::uint64_t>::create({.name = "marks"}), cgroup_fd(group.fd()));
}

BOOST_AUTO_TEST_CASE(a_tasks_number_does_as_well_as_its_pidfd) {
  test::no_leak const watch;
  unique_fd const self = pidfd_of(getpid());
  auto const map = task_storage<std::uint64_t>::create({.name = "marks"});
  pid const number{getpid()};
  BOOST_TEST(!map.find(number).has_value());
  BOOST_TEST(!map.assign(number, 1));
  BOOST_TEST(map.insert(number, 2));
  BOOST_TEST(!map.insert(number, 3));
  BOOST_TEST(map.at(pid_fd(self.get())) == 2U);
  map.insert_or_assign(number, 4);
  BOOST_TEST(map.find(number).value() == 4U);
  BOOST_TEST(map.assign(number, 5));
  BOOST_TEST(map.contains(number));
  BOOST_TEST(map.at(pid_fd(self.get())) == 5U);
  BOOST_TEST(map.erase(number));
  BOOST_TEST(!map.erase(number));
  BOOST_TEST(!map.contains(number));
}

BOOST_AUTO_TEST_CASE(a_task_that_ended_has_no_value_and_takes_none) {
  child process;
  unique_fd const pidfd = pidfd_of(process.id());
  auto const map = task_storage<std::uint64_t>::create({.name = "marks"});
  pid const number{process.id()};
  map.insert_or_assign(number, 1);
  process.end();
  BOOST_TEST(!map.find(pid_fd(pidfd.get())).has_value());
  BOOST_TEST(!map.assign(pid_fd(pidfd.get()), 2));
  BOOST_TEST(!map.erase(pid_fd(pidfd.get())));
  auto message = test::message_of([&] { map.insert(pid_fd(pidfd.get()), 2); });
  BOOST_TEST(test::has(message, "the task has ended"), message);
  BOOST_TEST(!map.find(number).has_value());
  BOOST_TEST(!map.contains(number));
  BOOST_TEST(!map.assign(number, 2));
  BOOST_TEST(!map.erase(number));
  message = test::message_of([&] { map.insert_or_assign(number, 2); });
  BOOST_TEST(test::has(message, "ESRCH"), message);
  BOOST_TEST(test::has(message, "no task has this number"), message);
}

BOOST_AUTO_TEST_CASE(a_threads_number_finds_its_own_value, *ut::precondition(test::since{{6, 9}})) {
  auto const map = task_storage<std::uint64_t>::create({.name = "marks"});
  map.insert_or_assign(pid{getpid()}, 1);
  std::promise<pid_t> number;
  std::promise<void> done;
  std::thread thread([&] {
    number.set_value(gettid());
    done.get_future().wait();
  });
  pid const other{number.get_future().get()};
  BOOST_TEST(!map.find(other).has_value());
  map.insert_or_assign(other, 2);
  BOOST_TEST(map.find(other).value() == 2U);
  BOOST_TEST(map.find(pid{getpid()}).value() == 1U);
  BOOST_TEST(map.at(pid{getpid()}) == 1U);
  BOOST_TEST(map.at(other) == 2U);
  done.set_value();
  thread.join();
}

BOOST_AUTO_TEST_CASE(keys_that_are_no_such_object_are_errors_that_say_what_is_needed) {
  unique_fd const file = a_file();
  auto const sockets = sk_storage<std::uint64_t>::create({.name = "marks"});
  auto message = test::message_of([&] { (void)sockets.find(socket_fd(file.get())); });
  BOOST_TEST(test::has(message, "ENOTSOCK"), message);
  BOOST_TEST(test::has(message, "the key is not a socket"), message);
  message = test::message_of([&] { sockets.insert(socket_fd(), 1); });
  BOOST_TEST(test::has(message, "the key is no open socket"), message);
  auto const tasks = task_storage<std::uint64_t>::create({.name = "marks"});
  message = test::message_of([&] { (void)tasks.contains(pid_fd(file.get())); });
  BOOST_TEST(test::has(message, "the key is no open pidfd"), message);
  std::error_code ec;
  tasks.erase(pid_fd(file.get()), ec);
  BOOST_TEST((ec == std::errc::bad_file_descriptor));
}

BOOST_AUTO_TEST_CASE(a_value_with_a_lock_is_created_with_it_wherever_it_lies) {
  auto const map = task_storage<guarded>::create({.name = "guarded"});
  unique_fd const self = pidfd_of(getpid());
  guarded value{};
  value.high = 7;
  value.whole = 8;
  value.behind = 9;
  map.insert_or_assign(pid_fd(self.get()), value);
  value.behind = 10;
  map.insert_or_assign(pid_fd(self.get()), value, bpfmap::locked);  // EINVAL, if the kernel knew of no lock
  auto const found = map.find(pid_fd(self.get()), bpfmap::locked);
  BOOST_REQUIRE(found.has_value());
  BOOST_TEST(found->high == 7U);
  BOOST_TEST(found->whole == 8U);
  BOOST_TEST(found->behind == 10U);
  // The kernel does not copy over the lock itself: only so is it known that it is where the struct has it.
  value.lock.val = 1;
  map.insert_or_assign(pid_fd(self.get()), value);
  BOOST_TEST(map.at(pid_fd(self.get())).lock.val == 0U);
  BOOST_TEST(map.at(pid_fd(self.get())).behind == 10U);
}

BOOST_AUTO_TEST_CASE(values_are_as_large_as_the_kernel_allows) {
  using large = std::array<std::uint8_t, 16384>;
  unique_fd const socket = a_socket();
  auto const map = sk_storage<large>::create({.name = "large"});
  large value{};
  value.back() = 77;
  std::error_code ec;
  map.insert_or_assign(socket_fd(socket.get()), value, ec);
  // Newer kernels create what they do not hold: Linux 7.2 takes elements from an allocator that ends before.
  if (ec == std::errc::not_enough_memory && test::running_kernel() >= bpfmap::kernel_version{7, 0}) {
    BOOST_TEST(!map.find(socket_fd(socket.get())).has_value());
  } else {
    BOOST_TEST(!ec, ec.message());
    BOOST_TEST((map.at(socket_fd(socket.get())) == value));
  }
  (void)sk_storage<std::array<std::uint8_t, 65407>>::create({.name = "largest"});
}

BOOST_AUTO_TEST_CASE(creating_with_entries_or_flags_that_cannot_be_says_so) {
  auto message = test::message_of([] { (void)sk_storage<int>::create({.name = "marks", .max_entries = 10}); });
  BOOST_TEST(test::has(message, "max_entries must be 0"), message);
  message =
      test::message_of([] { (void)sk_storage<int>::create({.name = "marks", .flags = bpfmap::map_flags::numa_node}); });
  BOOST_TEST(test::has(message, "flags that a sk_storage does not take: numa_node"), message);
}

BOOST_AUTO_TEST_CASE(a_value_that_a_program_left_with_a_task_is_read_by_pidfd_and_by_number) {
  test::no_leak const watch;
  auto object = bpfmap::object::open(test::object_path("storages"));
  object.program("visit_socket").set_autoload(false);
  object.map("sockets").set_autocreate(false);
  object.map("created").set_autocreate(false);
  object.map("percpu_created").set_autocreate(false);
  object.load();
  object.global<std::uint32_t>("mark") = 4711;
  object.global<std::uint32_t>("wanted_thread") = static_cast<std::uint32_t>(gettid());
  auto const tasks = object.map<task_storage<visit>>("tasks");
  BOOST_TEST(!tasks.contains(pid{getpid()}));
  {
    auto const attached = object.program("visit_task").attach();
    BOOST_TEST(getppid() > 0);
  }
  unique_fd const self = pidfd_of(getpid());
  auto const found = tasks.find(pid_fd(self.get()));
  BOOST_REQUIRE(found.has_value());
  BOOST_TEST(found->count >= 1U);
  BOOST_TEST(found->mark == 4711U);
  BOOST_TEST(found->thread == static_cast<std::uint32_t>(gettid()));
  BOOST_TEST(tasks.find(pid{getpid()}).value().mark == 4711U);
  BOOST_TEST(!tasks.contains(pid{getppid()}));
}

BOOST_AUTO_TEST_CASE(a_value_that_a_program_left_with_a_cgroup_is_read_by_its_directory,
                     *ut::precondition(test::has_cgroups) * ut::precondition(test::since{{6, 2}})) {
  test::no_leak const watch;
  test::cgroup group;
  auto object = test::loaded("cgroups");
  object.global<std::uint32_t>("mark") = 4712;
  object.global<std::uint32_t>("wanted_thread") = static_cast<std::uint32_t>(gettid());
  auto const cgroups = object.map<cgrp_storage<visit>>("cgroups");
  BOOST_TEST(!cgroups.contains(cgroup_fd(group.fd())));
  group.enter();
  {
    auto const attached = object.program("visit_cgroup").attach();
    BOOST_TEST(getppid() > 0);
  }
  auto const found = cgroups.find(cgroup_fd(group.fd()));
  BOOST_REQUIRE(found.has_value());
  BOOST_TEST(found->count >= 1U);
  BOOST_TEST(found->mark == 4712U);
  unique_fd const file = a_file();
  auto const message = test::message_of([&] { (void)cgroups.find(cgroup_fd(file.get())); });
  BOOST_TEST(test::has(message, "the key is no open cgroup directory"), message);
}

BOOST_AUTO_TEST_CASE(values_that_a_cgroups_program_left_with_sockets_and_in_its_own_storages_are_read,
                     *ut::precondition(test::has_cgroups)) {
  test::no_leak const watch;
  test::cgroup group;
  auto object = test::loaded("storages");
  object.global<std::uint32_t>("mark") = 4713;
  auto const sockets = object.map<sk_storage<visit>>("sockets");
  auto const created = object.map<cgroup_storage<std::uint64_t>>("created");
  using per_cpu_type = percpu_cgroup_storage<std::uint64_t, bpfmap::reduce::sum, std::uint64_t>;
  auto const percpu_created = object.map<per_cpu_type>("percpu_created");
  cgroup_storage_key const here{group.id(), BPF_CGROUP_INET_SOCK_CREATE};

  // No program is attached: user space adds no element.
  BOOST_TEST(created.empty());
  BOOST_TEST(!created.find(here).has_value());
  BOOST_TEST(!created.assign(here, 5));
  auto const message = test::message_of([&] { created.insert_or_assign(here, 5); });
  BOOST_TEST(test::has(message, "they appear when a program"), message);

  unique_fd const before = a_socket();
  group.enter();
  bpfmap::link attached(bpf_program__attach_cgroup(object.program("visit_socket").get(), group.fd()));
  BOOST_REQUIRE(attached);
  unique_fd const first = a_socket();
  unique_fd const second = a_socket();
  attached.detach();

  BOOST_TEST(!sockets.contains(socket_fd(before.get())));
  auto const found = sockets.find(socket_fd(first.get()));
  BOOST_REQUIRE(found.has_value());
  BOOST_TEST(found->count == 1U);
  BOOST_TEST(found->mark == 4713U);
  BOOST_TEST(found->thread == static_cast<std::uint32_t>(gettid()));
  BOOST_TEST(sockets.at(socket_fd(second.get())).mark == 4713U);

  BOOST_TEST(created.at(here) == 2U);
  BOOST_TEST(created.size() == 1U);
  for (auto const& [key, count] : created) {
    BOOST_TEST((key == here));
    BOOST_TEST(count == 2U);
  }
  BOOST_TEST(created.assign(here, 5));
  created.insert_or_assign(here, 6);
  BOOST_TEST(created.at(here) == 6U);

  BOOST_TEST(percpu_created.at(group.id()) == 2U);
  BOOST_TEST(percpu_created.size() == 1U);
  percpu_created.insert_or_assign(group.id(), 9);
  BOOST_TEST(percpu_created.at(group.id()) == 9U);
  BOOST_TEST(!percpu_created.contains(group.id() + 1));
}

BOOST_AUTO_TEST_SUITE_END()
