// SPDX-License-Identifier: MIT
// Local storages and stack traces: what they ask the kernel for, and what its answers become.
#include "ring.hpp"

namespace {

using bpfmap::pid;
using bpfmap::pid_fd;
using bpfmap::socket_fd;
using fake::call;
using test::code_of;
using test::has;
using test::message_of;

using marks = bpfmap::sk_storage<std::uint64_t>;
using spans = bpfmap::task_storage<std::uint64_t>;
using stacks = bpfmap::stack_trace<4>;

struct locked_in_between {
  std::uint64_t before;
  bpf_spin_lock lock;
  std::uint32_t behind[3];
};
struct locked_first {
  bpf_spin_lock lock;
  std::uint32_t behind;
};

constexpr int enotsupp = 524;

marks some_marks() { return test::map_with<marks>({.key_size = 4, .value_size = 8, .max_entries = 0, .flags = 1}); }
spans some_spans() { return test::map_with<spans>({.key_size = 4, .value_size = 8, .max_entries = 0, .flags = 1}); }
stacks some_stacks() { return test::map_with<stacks>({.key_size = 4, .value_size = 32, .max_entries = 10}); }

}  // namespace

BOOST_FIXTURE_TEST_SUITE(storages, test::ring)

BOOST_AUTO_TEST_CASE(are_created_with_btf_made_of_the_value_type) {
  auto const map = bpfmap::task_storage<std::array<char, 12>>::create({.name = "spans"});
  auto const made = fake::last_created();
  BOOST_TEST(made.type == 29U);
  BOOST_TEST(made.key_size == 4U);
  BOOST_TEST(made.value_size == 12U);
  BOOST_TEST(made.max_entries == 0U);
  BOOST_TEST(made.flags == bpfmap::map_flags::no_prealloc);
  BOOST_TEST(made.btf_fd != 0U);
  auto const types = fake::last_btf();
  BOOST_TEST_REQUIRE(made.btf_key_type_id - 1 < types.size());
  BOOST_TEST_REQUIRE(made.btf_value_type_id - 1 < types.size());
  BOOST_TEST(types[made.btf_key_type_id - 1] == "int:4");
  BOOST_TEST(types[made.btf_value_type_id - 1] == "struct:12 bytes@0");
}

BOOST_AUTO_TEST_CASE(tell_the_kernel_where_the_lock_is) {
  (void)bpfmap::sk_storage<locked_in_between>::create({.name = "marks"});
  auto types = fake::last_btf();
  BOOST_TEST(types.at(fake::last_created().btf_value_type_id - 1) == "struct:24 bytes@0 lock@8 more_bytes@12");
  BOOST_TEST((std::find(types.begin(), types.end(), "bpf_spin_lock:4 val@0") != types.end()));
  (void)bpfmap::sk_storage<locked_first>::create({.name = "marks"});
  types = fake::last_btf();
  BOOST_TEST(types.at(fake::last_created().btf_value_type_id - 1) == "struct:8 bytes@0 lock@0 more_bytes@4");
}

BOOST_AUTO_TEST_CASE(take_btf_that_is_given) {
  (void)marks::create({.name = "marks", .btf_fd = 5, .btf_key_type_id = 6, .btf_value_type_id = 7});
  BOOST_TEST(fake::last_created().btf_fd == 5U);
  BOOST_TEST(fake::last_created().btf_key_type_id == 6U);
  BOOST_TEST(fake::last_created().btf_value_type_id == 7U);
  BOOST_TEST(fake::calls(call::btf_load) == 0U);
}

BOOST_AUTO_TEST_CASE(are_not_created_when_the_btf_is_refused) {
  fake::fail(call::btf_load, EPERM, 2);
  auto const message = message_of([] { (void)marks::create({.name = "marks"}); });
  BOOST_TEST(has(message, "create on 'marks' as sk_storage"), message);
  BOOST_TEST(has(message, "[EPERM]: loading BTF for its value failed"), message);
  BOOST_TEST(code_of([](std::error_code& ec) { BOOST_TEST(!marks::create({.name = "marks"}, ec)); }).value() == EPERM);
  BOOST_TEST(fake::calls(call::map_create) == 0U);
}

BOOST_AUTO_TEST_CASE(that_cannot_be_created_close_their_btf_and_say_why) {
  fake::fail(call::map_create, EOPNOTSUPP);
  auto message = message_of([] { (void)bpfmap::inode_storage<int>::create({.name = "marks"}); });
  BOOST_TEST(has(message, "\"bpf\" among the active LSMs"), message);
  fake::fail(call::map_create, EINVAL);
  message = message_of([] { (void)bpfmap::inode_storage<int>::create({.name = "marks"}); });
  BOOST_TEST(has(message, "needs Linux 5.10 with CONFIG_BPF_LSM"), message);
}

BOOST_AUTO_TEST_CASE(turn_absence_and_presence_into_values) {
  marks const map = some_marks();
  socket_fd const key(7);
  BOOST_TEST(!map.find(key).has_value());
  BOOST_TEST(!map.assign(key, 1));
  BOOST_TEST(map.insert(key, 2));
  BOOST_TEST(!map.insert(key, 3));
  BOOST_TEST(map.at(key) == 2U);
  BOOST_TEST(map.erase(key));
  BOOST_TEST(!map.erase(key));
  BOOST_TEST(code_of([&](std::error_code& ec) { BOOST_TEST(!map.contains(key, ec)); }).value() == 0);
}

BOOST_AUTO_TEST_CASE(say_what_is_wrong_with_a_key) {
  marks const map = some_marks();
  fake::fail(call::lookup, ENOTSOCK);
  BOOST_TEST(has(message_of([&] { (void)map.find(socket_fd(3)); }), "[ENOTSOCK]: the key is not a socket"));
  fake::fail(call::update, EBADF);
  BOOST_TEST(has(message_of([&] { map.insert_or_assign(socket_fd(3), 1); }), "the key is no open socket"));
  fake::fail(call::erase, EBADF);
  BOOST_TEST(code_of([&](std::error_code& ec) { map.erase(socket_fd(3), ec); }).value() == EBADF);
  spans const tasks = some_spans();
  fake::fail(call::update, ENOENT);
  BOOST_TEST(has(message_of([&] { tasks.insert(pid_fd(3), 1); }), "[ENOENT]: the task has ended"));
}

BOOST_AUTO_TEST_CASE(open_a_task_for_each_call_and_close_it_also_after_an_error) {
  spans const map = some_spans();
  pid const self{::getpid()};
  fake::fail(call::lookup, EPERM, 2);
  BOOST_TEST(code_of([&](std::error_code& ec) { BOOST_TEST(!map.find(self, ec)); }).value() == EPERM);
  BOOST_TEST(has(message_of([&] { (void)map.find(self); }), "find on"));
  fake::fail(call::update, ENOMEM, 3);
  BOOST_TEST(code_of([&](std::error_code& ec) { BOOST_TEST(!map.insert(self, 1, ec)); }).value() == ENOMEM);
  BOOST_TEST(code_of([&](std::error_code& ec) { map.insert_or_assign(self, 1, ec); }).value() == ENOMEM);
  BOOST_TEST(has(message_of([&] { map.assign(self, 1); }), "assign on"));
  // A number that no task can have.
  std::size_t const lookups = fake::calls(call::lookup);
  BOOST_TEST(code_of([&](std::error_code& ec) { BOOST_TEST(!map.contains(pid{0x7fffffff}, ec)); }).value() == 0);
  BOOST_TEST(fake::calls(call::lookup) == lookups);
  BOOST_TEST(code_of([&](std::error_code& ec) { map.insert(pid{0x7fffffff}, 1, ec); }).value() == ESRCH);
}

BOOST_AUTO_TEST_CASE(give_at_by_a_tasks_number_what_they_give_by_its_pidfd) {
  spans const map = some_spans();
  pid const self{::getpid()};
  BOOST_TEST(code_of([&](std::error_code& ec) { BOOST_TEST(map.at(self, ec) == 0U); }).value() == ENOENT);
  BOOST_CHECK_THROW((void)map.at(self), std::out_of_range);
  BOOST_CHECK_THROW((void)map.at(pid{0x7fffffff}), std::out_of_range);
  BOOST_TEST(code_of([&](std::error_code& ec) { (void)map.at(pid{0x7fffffff}, ec); }).value() == ENOENT);
  fake::fail(call::lookup, EPERM);
  BOOST_TEST(has(message_of([&] { (void)map.at(self); }), "at on"));
}

BOOST_AUTO_TEST_CASE(of_cgroups_say_that_user_space_adds_nothing) {
  using quota = bpfmap::cgroup_storage<std::uint64_t>;
  auto const map = test::map_with<quota>({.key_size = 16, .value_size = 8, .max_entries = 0});
  fake::fail(call::update, ENOENT, 2);
  BOOST_TEST(has(message_of([&] { map.insert_or_assign({1, 2}, 3); }), "they appear when a program"));
  BOOST_TEST(!map.assign({1, 2}, 3));
}

BOOST_AUTO_TEST_CASE(of_more_cgroups_than_a_walk_of_an_idle_map_would_take_are_all_walked) {
  using quota = bpfmap::cgroup_storage<std::uint64_t, std::uint64_t>;
  auto const map = test::map_with<quota>({.key_size = 8, .value_size = 8, .max_entries = 0});
  fake::set_buckets(map.fd(), 1);
  for (std::uint64_t i = 0; i < 3000; ++i) fake::put(map.fd(), &i, &i);
  BOOST_TEST(map.size() == 3000U);
}

// The kernel says EAGAIN where the owner's last element is being removed by another at the same moment.
BOOST_AUTO_TEST_CASE(try_again_while_the_owner_loses_its_last_element) {
  auto const map = some_marks();
  fake::fail(call::update, EAGAIN, 3);
  map.insert_or_assign(socket_fd(3), 7);
  BOOST_TEST(fake::calls(call::update) == 4U);
  fake::fail(call::update, EAGAIN, 1);
  BOOST_TEST(map.assign(socket_fd(3), 8));
  BOOST_TEST(map.find(socket_fd(3)).value_or(0) == 8U);
}

BOOST_AUTO_TEST_CASE(do_not_try_for_ever) {
  auto const map = some_marks();
  fake::fail(call::update, EAGAIN, 1000);
  BOOST_TEST(code_of([&](std::error_code& ec) { map.insert(socket_fd(3), 7, ec); }).value() == EAGAIN);
  BOOST_TEST(fake::calls(call::update) == 64U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(stack_traces, test::ring)

BOOST_AUTO_TEST_CASE(end_at_the_first_zero) {
  stacks const map = some_stacks();
  std::uint32_t const id = 12;
  std::array<std::uint64_t, 4> addresses{10, 20, 30, 0};
  fake::put(map.fd(), &id, addresses.data());
  auto stack = map.at(id);
  BOOST_TEST((std::vector<std::uint64_t>(stack.begin(), stack.end()) == std::vector<std::uint64_t>{10, 20, 30}));
  BOOST_TEST(stack.size() == 3U);
  BOOST_TEST(!stack.full());
  addresses[3] = 40;
  fake::put(map.fd(), &id, addresses.data());
  stack = map.at(id);
  BOOST_TEST(stack.size() == 4U);
  BOOST_TEST(stack.full());
  BOOST_TEST(bpfmap::stack_frames<4>{}.empty());
}

BOOST_AUTO_TEST_CASE(of_ids_behind_the_kernels_table_are_absent) {
  stacks const map = some_stacks();
  fake::fail(call::erase, E2BIG, 2);
  BOOST_TEST(!map.erase(1000));
  BOOST_TEST(code_of([&](std::error_code& ec) { BOOST_TEST(!map.erase(1000, ec)); }).value() == 0);
  fake::fail(call::erase, EPERM);
  BOOST_TEST(has(message_of([&] { map.erase(1); }), "erase on"));
}

BOOST_AUTO_TEST_CASE(are_taken_out_by_new_kernels_and_others_say_since_when) {
  stacks const map = some_stacks();
  fake::fail(call::extract, enotsupp);
  auto const message = message_of([&] { (void)map.extract(1); });
  BOOST_TEST(has(message, "taking elements out of a stack_trace in one step needs Linux 6.18"), message);
}

BOOST_AUTO_TEST_CASE(by_build_ids_are_no_addresses) {
  int const fd = fake::make_map({.type = 7, .key_size = 4, .value_size = 32, .flags = 32});
  BOOST_TEST(has(message_of([&] { (void)stacks::from_fd(fd); }), "use stack_trace<1, build_id_frame>"));
  BOOST_TEST(code_of([&](std::error_code& ec) { (void)stacks::from_fd(fd, ec); }).value() == EINVAL);
  ::close(fd);
}

BOOST_AUTO_TEST_SUITE_END()
