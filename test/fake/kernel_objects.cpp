// SPDX-License-Identifier: MIT
// Maps that hold kernel objects: the bytes that the kernel gets and gives, and what its errnos come to.
#include "ring.hpp"

#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using fake::call;
using test::has;
using test::map_with;
using namespace bpfmap;

constexpr int not_supported = 524;

std::vector<std::byte> bytes_of(std::vector<std::uint32_t> const& words) {
  std::vector<std::byte> bytes(words.size() * sizeof words[0]);
  std::memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}

fake::shape holding(std::uint32_t value_size) { return {.value_size = value_size, .max_entries = 4}; }

// The bytes and flags of an update, which this map otherwise refuses.
template <class Map, class F>
void check_update(Map const& map, F const& update, std::vector<std::uint32_t> const& words, std::uint64_t flags) {
  fake::fail(call::update, 0);
  update(map);
  BOOST_TEST((fake::last_value() == bytes_of(words)), to_string(Map::type));
  BOOST_TEST(fake::last_update_flags() == flags, to_string(Map::type));
}

// What an update comes to, that the kernel answers so.
template <class Map>
std::string refused(Map const& map, typename Map::argument_type const& value, int number) {
  fake::fail(call::update, number);
  auto const failure = test::error_of([&] { map.insert_or_assign(1, value); });
  BOOST_TEST(failure.code.value() == number);
  fake::fail(call::update, number);
  auto const code = test::code_of([&](std::error_code& ec) { map.insert_or_assign(1, value, ec); });
  BOOST_TEST(code.value() == number);
  return failure.hint;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kernel_objects, test::ring)

BOOST_AUTO_TEST_CASE(descriptors_reach_the_kernel_as_it_wants_them) {
  auto const set = [](auto value) { return [value](auto const& map) { map.insert_or_assign(1, value); }; };
  check_update(map_with<prog_array>(holding(4)), set(program_fd(7)), {7}, 0);
  check_update(map_with<cgroup_array>(holding(4)), set(cgroup_fd(7)), {7}, 0);
  check_update(map_with<perf_event_array<sizing::at_most<4>>>(holding(4)), set(perf_event_fd(7)), {7}, 0);
  check_update(map_with<xskmap>(holding(4)), set(socket_fd(7)), {7}, 0);
  check_update(map_with<sockmap<no_cookies>>(holding(4)), set(socket_fd(7)), {7}, 0);
  check_update(map_with<devmap<devmap_device>>(holding(4)), set(devmap_device{3}), {3}, 0);
  check_update(map_with<cpumap<cpumap_queue>>(holding(4)), set(cpumap_queue{64}), {64}, 0);
  check_update(map_with<devmap<>>(holding(8)), set(devmap_value{3, {}}), {3, 0}, 0);
  check_update(map_with<devmap_hash<>>(holding(8)), set(devmap_value{3, program_fd(7)}), {3, 7}, 0);
  check_update(map_with<cpumap<>>(holding(8)), set(cpumap_value{64, program_fd(7)}), {64, 7}, 0);
}

BOOST_AUTO_TEST_CASE(sockets_are_numbers_of_8_bytes_where_cookies_come_out) {
  auto const map = map_with<sockmap<>>(holding(8));
  auto const number = [] {
    std::uint64_t value = 0;
    auto const bytes = fake::last_value();
    BOOST_REQUIRE(bytes.size() == sizeof value);
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  };
  fake::fail(call::update, 0, 2);
  BOOST_TEST(map.insert(1, socket_fd(7)));
  BOOST_TEST(number() == 7U);
  BOOST_TEST(fake::last_update_flags() == 1U);
  BOOST_TEST(map.assign(1, socket_fd(8)));
  BOOST_TEST(number() == 8U);
  BOOST_TEST(fake::last_update_flags() == 2U);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_right_never_reaches_the_kernel) {
  auto const refuses = [](auto const& map, auto const& value, int number) {
    auto const code = test::code_of([&](std::error_code& ec) { map.insert_or_assign(0, value, ec); });
    BOOST_TEST(code.value() == number, to_string(map.type));
  };
  refuses(map_with<prog_array>(holding(4)), program(), EBADF);
  refuses(map_with<cgroup_array>(holding(4)), cgroup_fd(), EBADF);
  refuses(map_with<xskmap>(holding(4)), socket_fd(-5), EBADF);
  refuses(map_with<sockmap<>>(holding(8)), socket_fd(), EBADF);
  refuses(map_with<devmap<>>(holding(8)), devmap_value{3, program()}, EBADF);
  refuses(map_with<devmap<>>(holding(8)), devmap_value{}, EINVAL);
  refuses(map_with<cpumap<>>(holding(8)), cpumap_value{}, EINVAL);
  refuses(map_with<cpumap<cpumap_queue>>(holding(4)), cpumap_queue{}, EINVAL);
  BOOST_TEST(fake::calls(call::update) == 0U);
}

BOOST_AUTO_TEST_CASE(errnos_of_an_object_say_what_is_wrong_with_it) {
  auto const steps = map_with<prog_array>(holding(4));
  BOOST_TEST(has(refused(steps, program_fd(7), EBADF), "program is not loaded"));
  BOOST_TEST(has(refused(steps, program_fd(7), EINVAL), "not of the type"));
  BOOST_TEST(has(refused(steps, program_fd(7), E2BIG), "the index is out of range: the map has 4 entries"));
  BOOST_TEST(has(refused(steps, program_fd(7), EPERM), "frozen"));
  auto const groups = map_with<cgroup_array>(holding(4));
  BOOST_TEST(has(refused(groups, cgroup_fd(7), EBADF), "cgroup v2"));
  auto const counters = map_with<perf_event_array<sizing::at_most<4>>>(holding(4));
  BOOST_TEST(has(refused(counters, perf_event_fd(7), EBADF), "no perf event's"));
  BOOST_TEST(has(refused(counters, perf_event_fd(7), EOPNOTSUPP), "children inherit"));
  auto const ports = map_with<devmap_hash<>>(holding(8));
  BOOST_TEST(has(refused(ports, devmap_value{3, {}}, EBADF), "program is not loaded"));
  BOOST_TEST(has(refused(ports, devmap_value{3, {}}, EINVAL), "xdp/devmap"));
  BOOST_TEST(has(refused(ports, devmap_value{3, {}}, E2BIG), "already holds its 4 entries"));
  auto const cpus = map_with<cpumap<>>(holding(8));
  BOOST_TEST(has(refused(cpus, cpumap_value{64, {}}, EBADF), "program is not loaded"));
  BOOST_TEST(has(refused(cpus, cpumap_value{64, {}}, EINVAL), "queue size is 0"));
  BOOST_TEST(has(refused(cpus, cpumap_value{64, {}}, EINVAL), "xdp/cpumap"));
  BOOST_TEST(has(refused(cpus, cpumap_value{64, {}}, ENODEV), "no such possible CPU"));
  BOOST_TEST(has(refused(cpus, cpumap_value{64, {}}, EOVERFLOW), "16384"));
  BOOST_TEST(has(refused(cpus, cpumap_value{64, {}}, ENOMEM), "xdp/cpumap"));
  auto const queues = map_with<xskmap>(holding(4));
  BOOST_TEST(has(refused(queues, socket_fd(7), EBADF), "socket was closed"));
  BOOST_TEST(has(refused(queues, socket_fd(7), ENOTSOCK), "not a socket's"));
  BOOST_TEST(has(refused(queues, socket_fd(7), EOPNOTSUPP), "AF_XDP"));
  BOOST_TEST(has(refused(queues, socket_fd(7), ENOBUFS), "XDP_RX_RING"));
  auto const peers = map_with<sockhash<std::uint32_t>>(holding(8));
  BOOST_TEST(has(refused(peers, socket_fd(7), EBADF), "socket was closed"));
  BOOST_TEST(has(refused(peers, socket_fd(7), ENOTSOCK), "not a socket's"));
  BOOST_TEST(has(refused(peers, socket_fd(7), EOPNOTSUPP), "not in this state"));
  BOOST_TEST(has(refused(peers, socket_fd(7), not_supported), "not in this state"));
  BOOST_TEST(has(refused(peers, socket_fd(7), EINVAL), "SO_REUSEPORT"));
  BOOST_TEST(has(refused(peers, socket_fd(7), EBUSY), "in a map already"));
  // What the object is not at fault for has the hint of any map.
  BOOST_TEST(has(refused(peers, socket_fd(7), ENOMEM), "out of memory"));
}

// Three answers of the kernel to an index out of range, and one of bpfmap's.
BOOST_AUTO_TEST_CASE(an_index_out_of_range_is_a_key_that_is_not_there) {
  auto const check = [](auto const& map, int kernels_word) {
    fake::fail(call::erase, kernels_word, 2);
    BOOST_TEST(!map.erase(4), to_string(map.type));
    auto const code = test::code_of([&](std::error_code& ec) { BOOST_TEST(!map.erase(4, ec)); });
    BOOST_TEST(!code, to_string(map.type));
  };
  check(map_with<prog_array>(holding(4)), E2BIG);
  check(map_with<cgroup_array>(holding(4)), E2BIG);
  check(map_with<reuseport_sockarray<>>(holding(8)), E2BIG);
  check(map_with<xskmap>(holding(4)), EINVAL);
  check(map_with<sockmap<>>(holding(8)), EINVAL);
  // In range, the same errnos are errors.
  auto const steps = map_with<prog_array>(holding(4));
  fake::fail(call::erase, E2BIG);
  BOOST_CHECK_THROW(steps.erase(3), bpfmap::error);
  auto const peers = map_with<sockmap<>>(holding(8));
  fake::fail(call::update, E2BIG);
  BOOST_TEST(!peers.assign(4, socket_fd(7)));
  fake::fail(call::update, E2BIG);
  BOOST_CHECK_THROW(peers.assign(3, socket_fd(7)), bpfmap::error);
}

BOOST_AUTO_TEST_CASE(what_was_not_there_is_not_erased_whatever_the_kernel_calls_that) {
  auto const prog = map_with<prog_array>(holding(4));
  fake::fail(call::erase, ENOENT);
  BOOST_TEST(!prog.erase(1));
  auto const peers = map_with<sockmap<>>(holding(8));
  fake::fail(call::erase, EINVAL);
  BOOST_TEST(!peers.erase(1));
  // The kernel would say that it erased: it is asked first whether there is something.
  auto const ports = map_with<devmap<>>(holding(8));
  fake::fail(call::lookup, ENOENT);
  BOOST_TEST(!ports.erase(1));
  BOOST_TEST(fake::calls(call::erase) == 2U);
  fake::fail(call::lookup, 0);
  fake::fail(call::erase, 0);
  BOOST_TEST(ports.erase(1));
  fake::fail(call::lookup, EPERM);
  BOOST_CHECK_THROW(ports.erase(1), bpfmap::error);
}

BOOST_AUTO_TEST_CASE(maps_of_another_value_size_are_not_opened) {
  auto const opened = []<class Map>(std::type_identity<Map>, std::uint32_t value_size) {
    fake::shape made = holding(value_size);
    made.type = static_cast<std::uint32_t>(Map::type);
    unique_fd const fd(fake::make_map(made));
    return test::message_of([&] { (void)Map::from_fd(fd.get()); });
  };
  BOOST_TEST(has(opened(std::type_identity<sockmap<>>(), 4), "value size is 4, expected 8"));
  BOOST_TEST(has(opened(std::type_identity<reuseport_sockarray<no_cookies>>(), 8), "value size is 8, expected 4"));
  BOOST_TEST(has(opened(std::type_identity<devmap<devmap_device>>(), 8), "value size is 8, expected 4"));
}

BOOST_AUTO_TEST_CASE(nothing_can_be_done_with_an_empty_object) {
  auto const check = [](auto const& map, auto const& value) {
    auto const set = test::code_of([&](std::error_code& ec) { map.insert_or_assign(0, value, ec); });
    BOOST_TEST(set.value() == EBADF, to_string(map.type));
    auto const erased = test::code_of([&](std::error_code& ec) { map.erase(0, ec); });
    BOOST_TEST(erased.value() == EBADF, to_string(map.type));
  };
  check(prog_array(), program_fd(7));
  check(cgroup_array(), cgroup_fd(7));
  check(devmap<>(), devmap_value{3, {}});
  check(cpumap<>(), cpumap_value{3, {}});
  check(xskmap(), socket_fd(7));
  check(sockmap<>(), socket_fd(7));
}

BOOST_AUTO_TEST_SUITE_END()
