// SPDX-License-Identifier: MIT
// TCP congestion controls made of BPF programs: registered, used by connections, replaced and taken back.
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <fstream>
#include <iterator>
#include <thread>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace ut = boost::unit_test;
using bpfmap::struct_ops;
using bpfmap::struct_ops_link;
using bpfmap::struct_ops_state;
using bpfmap::unique_fd;

namespace {

constexpr char name[] = "bpfmap_test";

bpfmap::object loaded_controls(std::uint32_t flags) {
  auto object = bpfmap::object::open(test::object_path("congestion"));
  for (char const* each : {"first", "second", "incomplete"}) bpf_map__set_map_flags(object.map(each).get(), flags);
  object.load();
  return object;
}

bool is_registered() {
  std::ifstream file("/proc/sys/net/ipv4/tcp_available_congestion_control");
  for (std::string each; file >> each;) {
    if (each == name) return true;
  }
  return false;
}

// Sends a megabyte through a TCP connection that uses the congestion control, over a loopback device of its own.
// False: the kernel does not let a socket use it.
bool send_through_it() {
  bool used = false;
  std::thread([&] {
    if (unshare(CLONE_NEWNET) != 0) return;
    unique_fd const listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ifreq loopback{};
    std::strcpy(loopback.ifr_name, "lo");
    loopback.ifr_flags = IFF_UP;
    if (ioctl(listener.get(), SIOCSIFFLAGS, &loopback) != 0) return;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const at = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener.get(), at, length) != 0 || listen(listener.get(), 1) != 0) return;
    getsockname(listener.get(), at, &length);
    unique_fd const sender(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    used = setsockopt(sender.get(), IPPROTO_TCP, TCP_CONGESTION, name, sizeof name - 1) == 0;
    if (!used || connect(sender.get(), at, length) != 0) return;
    unique_fd const receiver(accept(listener.get(), nullptr, nullptr));
    std::thread reading([&] {
      std::vector<char> bytes(65536);
      while (recv(receiver.get(), bytes.data(), bytes.size(), 0) > 0) continue;
    });
    std::vector<char> const bytes(std::size_t{1} << 20);
    for (std::size_t sent = 0; sent < bytes.size();) {
      ssize_t const count = send(sender.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) break;
      sent += static_cast<std::size_t>(count);
    }
    shutdown(sender.get(), SHUT_WR);
    reading.join();
  }).join();
  return used;
}

// A precondition: TCP, and the kernel's BTF that tells what a congestion control is.
struct has_congestion_controls {
  bpfmap::kernel_version first;

  boost::test_tools::assertion_result operator()(ut::test_unit_id unit) const {
    auto allowed = test::since{first}(unit);
    if (!allowed) return allowed;
    boost::test_tools::assertion_result result(access("/sys/kernel/btf/vmlinux", R_OK) == 0 &&
                                               access("/proc/sys/net/ipv4/tcp_available_congestion_control", R_OK) ==
                                                   0);
    if (!result) result.message() << "needs TCP and the kernel's BTF";
    return result;
  }
};

}  // namespace

namespace bpfmap {
static std::ostream& boost_test_print_type(std::ostream& out, struct_ops_state state) {
  return out << static_cast<std::uint32_t>(state);
}
}  // namespace bpfmap

BOOST_AUTO_TEST_SUITE(struct_ops_maps, *ut::precondition(has_congestion_controls{{5, 10}}))

BOOST_AUTO_TEST_CASE(without_links_it_is_registered_until_it_is_detached) {
  test::no_leak const watch;
  auto object = loaded_controls(0);
  auto const control = object.map<struct_ops>("first");
  BOOST_TEST(!control.by_link());
  BOOST_TEST(control.status().state == struct_ops_state::init);
  BOOST_TEST(!is_registered());
  {
    struct_ops_link const registered = control.attach();
    BOOST_TEST(is_registered());
    BOOST_TEST(control.status().state == struct_ops_state::in_use);
    BOOST_TEST(control.status().users >= 1U);
    auto message = test::message_of([&] { (void)control.attach(); });
    BOOST_TEST(test::has(message, "EBUSY"), message);
    BOOST_TEST(test::has(message, "it is registered already"), message);
    message = test::message_of([&] { (void)object.map<struct_ops>("second").attach(); });
    BOOST_TEST(test::has(message, "one of this name is registered already"), message);
  }
  BOOST_TEST(!is_registered());
  BOOST_TEST(control.status().state == struct_ops_state::to_be_freed);
}

BOOST_AUTO_TEST_CASE(connections_use_what_is_registered) {
  auto object = loaded_controls(0);
  BOOST_TEST(!send_through_it());
  struct_ops_link const registered = object.map<struct_ops>("first").attach();
  BOOST_TEST(send_through_it());
  BOOST_TEST(object.global<std::uint64_t>("first_calls") > 0U);
  BOOST_TEST(object.global<std::uint64_t>("second_calls") == 0U);
}

BOOST_AUTO_TEST_CASE(a_link_registers_and_closing_it_takes_that_back,
                     *ut::precondition(has_congestion_controls{{6, 4}})) {
  test::no_leak const watch;
  auto object = loaded_controls(bpfmap::map_flags::link);
  auto const control = object.map<struct_ops>("first");
  BOOST_TEST(control.by_link());
  BOOST_TEST(control.status().state == struct_ops_state::init);
  for (int times = 0; times < 2; ++times) {
    struct_ops_link registered = control.attach();
    BOOST_TEST(is_registered());
    BOOST_TEST(control.status().state == struct_ops_state::ready);
    struct_ops_link const moved = std::move(registered);
    BOOST_TEST(!registered);  // NOLINT: a moved-from link is empty
    BOOST_TEST(is_registered());
    auto const message = test::message_of([&] { (void)object.map<struct_ops>("second").attach(); });
    BOOST_TEST(test::has(message, "one of this name is registered already"), message);
  }
  BOOST_TEST(!is_registered());
}

BOOST_AUTO_TEST_CASE(a_link_is_updated_to_another_struct_while_it_is_registered,
                     *ut::precondition(has_congestion_controls{{6, 4}})) {
  test::no_leak const watch;
  auto object = loaded_controls(bpfmap::map_flags::link);
  struct_ops_link registered = object.map<struct_ops>("first").attach();
  BOOST_TEST(send_through_it());
  auto const calls = object.global<std::uint64_t>("first_calls");
  BOOST_TEST(calls > 0U);
  registered.update(object.map<struct_ops>("second"));
  BOOST_TEST(is_registered());
  BOOST_TEST(send_through_it());
  BOOST_TEST(object.global<std::uint64_t>("second_calls") > 0U);
  BOOST_TEST(object.global<std::uint64_t>("first_calls") == calls);
  registered.detach();
  BOOST_TEST(!is_registered());
  std::error_code ec;
  registered.update(object.map<struct_ops>("first"), ec);
  BOOST_TEST((ec == std::errc::bad_file_descriptor));
}

BOOST_AUTO_TEST_CASE(only_structs_with_links_are_updated, *ut::precondition(has_congestion_controls{{6, 4}})) {
  auto with_links = loaded_controls(bpfmap::map_flags::link);
  auto without = loaded_controls(0);
  struct_ops_link registered = with_links.map<struct_ops>("first").attach();
  auto message = test::message_of([&] { registered.update(without.map<struct_ops>("second")); });
  BOOST_TEST(test::has(message, "map_flags::link"), message);
  BOOST_TEST(is_registered());
}

BOOST_AUTO_TEST_CASE(a_struct_that_the_kernel_refuses_is_an_error_and_not_registered) {
  auto object = loaded_controls(0);
  auto const message = test::message_of([&] { (void)object.map<struct_ops>("incomplete").attach(); });
  BOOST_TEST(test::has(message, "attach on 'incomplete' (struct_ops"), message);
  BOOST_TEST(test::has(message, "a function or its name is missing"), message);
}

BOOST_AUTO_TEST_CASE(by_its_descriptor_alone_it_is_attached_only_when_it_is_ready,
                     *ut::precondition(has_congestion_controls{{6, 4}})) {
  auto object = loaded_controls(bpfmap::map_flags::link);
  auto const control = object.map<struct_ops>("first");
  auto const same = struct_ops::from_fd(control.fd());
  auto const message = test::message_of([&] { (void)same.attach(); });
  BOOST_TEST(test::has(message, "open it by bind()"), message);
  control.attach().detach();
  BOOST_TEST(!is_registered());
  struct_ops_link const registered = same.attach();
  BOOST_TEST(is_registered());
}

BOOST_AUTO_TEST_CASE(other_maps_are_no_struct_ops) {
  auto const map = bpfmap::array<std::uint64_t>::create({.name = "cells", .max_entries = 1});
  auto const message = test::message_of([&] { (void)struct_ops::from_fd(map.fd()); });
  BOOST_TEST(test::has(message, "type is array, expected struct_ops"), message);
  BOOST_TEST(!test::has(message, "value size"), message);
}

BOOST_AUTO_TEST_SUITE_END()
