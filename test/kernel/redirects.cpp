// SPDX-License-Identifier: MIT
// Maps that XDP redirects through, with frames that go from one network namespace to another.
#include "../support/deny.hpp"
#include "../support/kernel.hpp"
#include "../support/network.hpp"
#include "../support/programs.hpp"
#include "../support/xdp_socket.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <vector>

#include <linux/if_link.h>

namespace ut = boost::unit_test;
using bpfmap::cpumap;
using bpfmap::cpumap_entry;
using bpfmap::devmap;
using bpfmap::devmap_entry;
using bpfmap::devmap_hash;
using bpfmap::socket_fd;
using bpfmap::xskmap;
using test::id_of;
using test::index_of;
using test::inside;

namespace {

/// enum place of redirects.bpf.c
enum place : std::uint32_t { came_in, at_the_device, at_the_cpu, arrived };

/// sender (out) --- (in) router (on) --- (end) receiver
struct wires {
  test::no_leak leaks;
  test::network sender;
  test::network router;
  test::network receiver;

  wires() {
    test::connect(sender, "out", router, "in");
    test::connect(router, "on", receiver, "end");
  }

  // Opened in its namespace, used from anywhere.
  static test::frame_socket frames_at(test::network const& where, char const* name) {
    inside const there(where);
    return test::frame_socket(index_of(name));
  }
};

std::uint32_t last_online_cpu() {
  std::error_code ec;
  return bpfmap::online_cpus(ec).highest();
}

constexpr std::uint32_t some = 20;

// Frames that come into the router leave it by another interface, whose program sees them too.
template <class Map>
void frames_go_through(wires const& net, bpfmap::object& object, char const* map_name, char const* program,
                       std::uint32_t key) {
  auto const counts = object.map<bpfmap::percpu_array<std::uint64_t>>("frames");
  auto const ports = object.map<Map>(map_name);
  auto const sending = wires::frames_at(net.sender, "out");
  auto const receiving = wires::frames_at(net.receiver, "end");
  inside const router(net.router);
  test::xdp_attachment const redirecting(index_of("in"), object.program(program), XDP_FLAGS_DRV_MODE);
  // A frame for which there is no entry is dropped.
  sending.send(1);
  BOOST_TEST(test::eventually([&] { return counts.at(came_in); }, std::uint64_t{1}) == 1U);
  ports.insert_or_assign(key, {.ifindex = index_of("on"), .program = object.program("leaving")});
  BOOST_TEST((ports.at(key) == devmap_entry{index_of("on"), id_of(object.program("leaving"))}));
  inside const end(net.receiver);
  test::xdp_attachment const arriving(index_of("end"), object.program("arriving"), XDP_FLAGS_DRV_MODE);
  sending.send(some);
  BOOST_TEST(receiving.receive(some) == some);
  BOOST_TEST(counts.at(came_in) == some + 1);
  BOOST_TEST(counts.at(at_the_device) == some);
  BOOST_TEST(counts.at(arrived) == some);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(redirects, wires, *ut::precondition(test::may_make_networks))

BOOST_AUTO_TEST_CASE(frames_leave_by_the_interface_in_a_devmap) {
  auto object = test::loaded("redirects");
  frames_go_through<devmap<>>(*this, object, "ports", "to_device", 0);
}

BOOST_AUTO_TEST_CASE(frames_leave_by_the_interface_in_a_devmap_hash) {
  auto object = test::loaded("redirects");
  frames_go_through<devmap_hash<>>(*this, object, "named_ports", "to_named_device", 4711);
}

BOOST_AUTO_TEST_CASE(frames_go_to_the_cpu_in_a_cpumap) {
  auto object = bpfmap::object::open(test::object_path("redirects"));
  std::uint32_t const cpu = last_online_cpu();
  object.global<std::uint32_t>("chosen_cpu") = cpu;
  object.map("cpus").set_max_entries(cpu + 1);
  object.load();
  auto const cpus = object.map<cpumap<>>("cpus");
  cpus.insert_or_assign(cpu, {.queue_size = 128, .program = object.program("on_cpu")});
  BOOST_TEST((cpus.at(cpu) == cpumap_entry{128, id_of(object.program("on_cpu"))}));
  auto const sending = frames_at(sender, "out");
  auto const receiving = frames_at(router, "in");
  inside const there(router);
  test::xdp_attachment const redirecting(index_of("in"), object.program("to_cpu"), XDP_FLAGS_DRV_MODE);
  sending.send(some);
  BOOST_TEST(receiving.receive(some) == some);
  auto const counts = object.map<bpfmap::percpu_array<std::uint64_t, bpfmap::reduce::slots>>("frames");
  auto const at_cpu = counts.at(at_the_cpu);
  BOOST_TEST(at_cpu[bpfmap::cpu{cpu}] == some);
  std::uint64_t everywhere = 0;
  for (std::uint64_t const count : at_cpu) everywhere += count;
  BOOST_TEST(everywhere == some);
  BOOST_TEST(cpus.erase(cpu));
}

BOOST_AUTO_TEST_CASE(frames_come_out_of_the_socket_in_an_xskmap) {
  auto object = test::loaded("redirects");
  auto const sockets = object.map<xskmap>("sockets");
  auto const counts = object.map<bpfmap::percpu_array<std::uint64_t>>("frames");
  auto const sending = frames_at(sender, "out");
  inside const there(router);
  test::xdp_attachment const redirecting(index_of("in"), object.program("to_socket"), XDP_FLAGS_SKB_MODE);
  test::xdp_socket receiving(index_of("in"));
  sockets.insert_or_assign(0, socket_fd(receiving.fd()));
  sending.send(some, 100);
  std::vector<std::uint32_t> expected(some);
  std::iota(expected.begin(), expected.end(), 100U);
  BOOST_TEST(receiving.receive(some) == expected, boost::test_tools::per_element());
  BOOST_TEST(counts.at(came_in) == some);
}

BOOST_AUTO_TEST_CASE(interfaces_go_in_and_come_out_again) {
  auto const map = devmap<>::create({.name = "ports", .max_entries = 3});
  inside const there(router);
  BOOST_TEST(!map.find(1).has_value());
  BOOST_TEST(!map.contains(1));
  BOOST_TEST(!map.erase(1));
  map.insert_or_assign(1, {.ifindex = index_of("in")});
  BOOST_TEST((map.at(1) == devmap_entry{index_of("in"), 0}));
  map.insert_or_assign(1, {.ifindex = index_of("on")});
  map.insert_or_assign(2, {.ifindex = index_of("in")});
  std::map<std::uint32_t, std::uint32_t> seen;
  for (auto const& [index, port] : map) seen.emplace(index, port.ifindex);
  BOOST_TEST((seen == std::map<std::uint32_t, std::uint32_t>{{1, index_of("on")}, {2, index_of("in")}}));
  BOOST_TEST(map.erase(2));
  BOOST_TEST(!map.erase(2));
  BOOST_TEST(!map.find(3).has_value());
  BOOST_TEST(!map.erase(3));
  auto const message = test::message_of([&] { map.insert_or_assign(3, {.ifindex = index_of("in")}); });
  BOOST_TEST(test::has(message, "[E2BIG]: the index is out of range: the map has 3 entries"), message);
  // An interface that goes takes its entry with it.
  BOOST_TEST(map.contains(1));
  test::remove("on");
  BOOST_TEST(!map.contains(1));
}

BOOST_AUTO_TEST_CASE(a_devmap_hash_behaves_like_a_map) {
  auto const map = devmap_hash<>::create({.name = "ports", .max_entries = 2});
  inside const there(router);
  BOOST_TEST(map.empty());
  BOOST_TEST(!map.erase(7));
  BOOST_TEST(map.insert(7, {.ifindex = index_of("in")}));
  BOOST_TEST(!map.insert(7, {.ifindex = index_of("on")}));
  BOOST_TEST((map.at(7) == devmap_entry{index_of("in"), 0}));
  map.insert_or_assign(4000000000, {.ifindex = index_of("on")});
  auto const full = test::message_of([&] { map.insert_or_assign(8, {.ifindex = index_of("on")}); });
  BOOST_TEST(test::has(full, "[E2BIG]: the map already holds its 2 entries"), full);
  BOOST_TEST(map.size() == 2U);
  std::map<std::uint32_t, std::uint32_t> seen;
  map.for_each([&](std::uint32_t key, devmap_entry port) { seen.emplace(key, port.ifindex); });
  BOOST_TEST((seen == std::map<std::uint32_t, std::uint32_t>{{7, index_of("in")}, {4000000000, index_of("on")}}));
  BOOST_TEST(map.erase(7));
  BOOST_TEST(map.size() == 1U);
  test::remove("on");
  BOOST_TEST(map.empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_fitting_interface_or_program_is_refused_and_told_why) {
  auto object = test::loaded("redirects");
  inside const there(router);
  auto const check = [&](auto const& map) {
    std::uint32_t const port = index_of("in");
    // Not the kernel's other meaning of 0 in a devmap, which is to erase.
    map.insert_or_assign(1, {.ifindex = port});
    auto const zero = test::message_of([&] { map.insert_or_assign(1, {}); });
    BOOST_TEST(test::has(zero, "[EINVAL]: this network namespace has no interface with this index"), zero);
    BOOST_TEST(map.contains(1));
    auto const unknown = test::message_of([&] { map.insert_or_assign(1, {.ifindex = 999999}); });
    BOOST_TEST(test::has(unknown, "[EINVAL]: this network namespace has no interface"), unknown);
    auto const program =
        test::message_of([&] { map.insert_or_assign(1, {.ifindex = port, .program = object.program("arriving")}); });
    BOOST_TEST(test::has(program, "(section xdp/devmap)"), program);
    auto const none =
        test::message_of([&] { map.insert_or_assign(1, {.ifindex = port, .program = bpfmap::program()}); });
    BOOST_TEST(test::has(none, "[EBADF]: the program is not loaded"), none);
  };
  check(devmap<>::create({.name = "ports", .max_entries = 2}));
  check(devmap_hash<>::create({.name = "ports", .max_entries = 2}));
}

BOOST_AUTO_TEST_CASE(values_of_4_bytes_hold_no_program) {
  auto const ports = devmap<bpfmap::devmap_device>::create({.name = "ports", .max_entries = 2});
  auto const cpus = cpumap<bpfmap::cpumap_queue>::create({.name = "cpus", .max_entries = last_online_cpu() + 1});
  inside const there(router);
  ports.insert_or_assign(0, {.ifindex = index_of("in")});
  BOOST_TEST((ports.at(0) == bpfmap::devmap_device{index_of("in")}));
  cpus.insert_or_assign(last_online_cpu(), {.queue_size = 64});
  BOOST_TEST((cpus.at(last_online_cpu()) == bpfmap::cpumap_queue{64}));
  std::error_code ec;
  ports.insert_or_assign(0, {.ifindex = 0}, ec);
  BOOST_TEST((ec == std::errc::invalid_argument));
  cpus.insert_or_assign(0, {.queue_size = 0}, ec);
  BOOST_TEST((ec == std::errc::invalid_argument));
  auto const wider = test::message_of([&] { (void)devmap<>::from_fd(ports.fd()); });
  BOOST_TEST(test::has(wider, "value size is 4, expected 8"), wider);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(cpumaps, test::no_leak, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(queues_go_in_and_come_out_again) {
  std::uint32_t const cpu = last_online_cpu();
  auto const map = cpumap<>::create({.name = "cpus", .max_entries = cpu + 1});
  BOOST_TEST(!map.find(cpu).has_value());
  BOOST_TEST(!map.erase(cpu));
  map.insert_or_assign(cpu, {.queue_size = 16384});
  BOOST_TEST((map.at(cpu) == cpumap_entry{16384, 0}));
  std::uint32_t entries = 0;
  for (auto const& [index, queue] : map) {
    BOOST_TEST(index == cpu);
    ++entries;
  }
  BOOST_TEST(entries == 1U);
  BOOST_TEST(map.erase(cpu));
  BOOST_TEST(!map.erase(cpu));
  BOOST_TEST(!map.contains(cpu));
  BOOST_TEST(!map.find(cpu + 1).has_value());
  BOOST_TEST(!map.erase(cpu + 1));
}

BOOST_AUTO_TEST_CASE(what_is_no_possible_queue_is_refused_and_told_why) {
  auto object = test::loaded("redirects");
  std::error_code ec;
  std::uint32_t const impossible = bpfmap::possible_cpus(ec).highest() + 1;
  auto const map = cpumap<>::create({.name = "cpus", .max_entries = impossible + 1});
  auto const cpu = test::message_of([&] { map.insert_or_assign(impossible, {.queue_size = 1}); });
  BOOST_TEST(test::has(cpu, "[ENODEV]: there is no such possible CPU"), cpu);
  auto const long_queue = test::message_of([&] { map.insert_or_assign(0, {.queue_size = 16385}); });
  BOOST_TEST(test::has(long_queue, "[EOVERFLOW]: a queue may hold 16384 frames at the most"), long_queue);
  auto const program =
      test::message_of([&] { map.insert_or_assign(0, {.queue_size = 1, .program = object.program("leaving")}); });
  BOOST_TEST(test::has(program, "(section xdp/cpumap)"), program);
  auto const index = test::message_of([&] { map.insert_or_assign(impossible + 1, {.queue_size = 1}); });
  BOOST_TEST(test::has(index, "[E2BIG]: the index is out of range"), index);
  // Not the kernel's other meaning of 0, which is to erase.
  map.insert_or_assign(0, {.queue_size = 1});
  auto const zero = test::message_of([&] { map.insert_or_assign(0, {}); });
  BOOST_TEST(test::has(zero, "[EINVAL]: the queue size is 0"), zero);
  BOOST_TEST(map.contains(0));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(xskmaps, wires, *ut::precondition(test::may_make_networks))

BOOST_AUTO_TEST_CASE(sockets_go_in_and_are_out_when_erased_or_closed) {
  auto const map = xskmap::create({.name = "sockets", .max_entries = 2});
  inside const there(router);
  test::xdp_socket const other(index_of("on"));
  {
    test::xdp_socket const socket(index_of("in"));
    BOOST_TEST(!map.assign(0, socket_fd(socket.fd())));
    BOOST_TEST(map.insert(0, socket_fd(socket.fd())));
    BOOST_TEST(!map.insert(0, socket_fd(other.fd())));
    BOOST_TEST(map.erase(0));
    BOOST_TEST(!map.assign(0, socket_fd(socket.fd())));
    map.insert_or_assign(0, socket_fd(socket.fd()));
    BOOST_TEST(map.assign(0, socket_fd(socket.fd())));
  }
  BOOST_TEST(!map.assign(0, socket_fd(other.fd())));
  BOOST_TEST(!map.assign(2, socket_fd(other.fd())));
  BOOST_TEST(!map.erase(2));
}

BOOST_AUTO_TEST_CASE(what_is_no_af_xdp_socket_is_refused_and_told_why) {
  auto const map = xskmap::create({.name = "sockets", .max_entries = 2});
  bpfmap::unique_fd const udp(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  auto const kind = test::message_of([&] { map.insert_or_assign(0, socket_fd(udp.get())); });
  BOOST_TEST(test::has(kind, "[EOPNOTSUPP]: only AF_XDP sockets go in"), kind);
  auto const file = test::message_of([&] { map.insert_or_assign(0, socket_fd(map.fd())); });
  BOOST_TEST(test::has(file, "[ENOTSOCK]: the descriptor is not a socket's"), file);
}

// Its struct has a counter since then.
BOOST_AUTO_TEST_CASE(are_counted_by_the_kernel, *ut::precondition(test::since{{6, 4}})) {
  auto const map = xskmap::create({.name = "sockets", .max_entries = 3});
  inside const there(router);
  BOOST_TEST(map.empty());
  {
    test::xdp_socket const socket(index_of("in"));
    map.insert_or_assign(0, socket_fd(socket.fd()));
    map.insert_or_assign(2, socket_fd(socket.fd()));
    BOOST_TEST(map.size() == 2U);
    BOOST_TEST(map.counted_by() == bpfmap::counting::kernel_field);
    BOOST_TEST(map.erase(0));
    BOOST_TEST(map.size() == 1U);
  }
  BOOST_TEST(map.empty());
}

BOOST_AUTO_TEST_CASE(are_not_counted_by_their_indices) {
  auto const map = xskmap::create({.name = "sockets", .max_entries = 2});
  test::deny_programs const no_other_way;
  std::error_code ec;
  BOOST_TEST(map.size(ec) == 0U);
  BOOST_TEST((ec == std::errc::operation_not_supported));
}

BOOST_AUTO_TEST_SUITE_END()
