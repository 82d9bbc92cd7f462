// SPDX-License-Identifier: MIT
// Maps of sockets, with traffic through the kernel: TCP that comes back without a process, listeners by choice.
#include "../support/kernel.hpp"
#include "../support/network.hpp"
#include "../support/programs.hpp"

#include <array>
#include <cstring>
#include <set>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace ut = boost::unit_test;
using bpfmap::cookies;
using bpfmap::no_cookies;
using bpfmap::socket_fd;
using bpfmap::unique_fd;

namespace {

/// struct peer of sockets.bpf.c
struct peer {
  std::uint32_t port;
  std::uint32_t family;
  friend auto operator<=>(peer const&, peer const&) = default;
};

sockaddr_in local(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::uint16_t port_of(unique_fd const& socket) {
  sockaddr_in address{};
  auto length = static_cast<socklen_t>(sizeof address);
  BOOST_REQUIRE(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
  return ntohs(address.sin_port);
}

unique_fd tcp_socket(int flags = 0) {
  unique_fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  BOOST_REQUIRE(static_cast<bool>(socket));
  return socket;
}

/// Listens on loopback: on a port that is free, or on one that others listen on too.
unique_fd listener(std::uint16_t port = 0) {
  unique_fd socket = tcp_socket(SOCK_NONBLOCK);
  int const on = 1;
  auto const address = local(port);
  BOOST_REQUIRE(setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
  BOOST_REQUIRE(bind(socket.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0);
  BOOST_REQUIRE(listen(socket.get(), 8) == 0);
  return socket;
}

unique_fd connected_to(std::uint16_t port) {
  unique_fd socket = tcp_socket();
  auto const address = local(port);
  BOOST_REQUIRE(connect(socket.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0);
  return socket;
}

/// Two ends of a TCP connection.
struct connection {
  unique_fd client;
  unique_fd server;

  connection() {
    unique_fd const listening = listener();
    client = connected_to(port_of(listening));
    BOOST_REQUIRE(test::readable(listening.get()));
    server = unique_fd(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    BOOST_REQUIRE(static_cast<bool>(server));
  }

  /// Sends from the client, and gives what the client gets back.
  [[nodiscard]] std::string echo(std::string_view text) const {
    BOOST_REQUIRE(send(client.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    std::string back;
    while (back.size() < text.size() && test::readable(client.get())) {
      std::array<char, 256> part{};
      auto const count = recv(client.get(), part.data(), part.size(), 0);
      if (count <= 0) break;
      back.append(part.data(), static_cast<std::size_t>(count));
    }
    return back;
  }
};

std::uint64_t cookie_of(unique_fd const& socket) {
  std::uint64_t cookie = 0;
  auto length = static_cast<socklen_t>(sizeof cookie);
  BOOST_REQUIRE(getsockopt(socket.get(), SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0);
  return cookie;
}

/// A program that works on the data of all sockets that come into the map from now on.
class verdict {
 public:
  template <class Map>
  verdict(bpfmap::program const& program, Map const& map) : program_(program.fd()), map_(map.fd()) {
    BOOST_REQUIRE(bpf_prog_attach(program_, map_, BPF_SK_SKB_STREAM_VERDICT, 0) == 0);
  }
  verdict(verdict const&) = delete;
  verdict& operator=(verdict const&) = delete;
  ~verdict() { bpf_prog_detach2(program_, map_, BPF_SK_SKB_STREAM_VERDICT); }

 private:
  int program_;
  int map_;
};

/// A machine of one's own, with a loopback interface.
struct loopback {
  test::no_leak leaks;
  test::network network;
  test::inside here{network};

  loopback() { test::bring_up("lo"); }
};

bool nothing_to_read(unique_fd const& socket) {
  char byte = 0;
  return recv(socket.get(), &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(socket_maps, loopback, *ut::precondition(test::may_make_namespaces))

BOOST_AUTO_TEST_CASE(tcp_comes_back_through_a_sockmap_without_a_process) {
  auto object = test::loaded("sockets");
  auto const peers = object.map<bpfmap::sockmap<>>("peers");
  auto const bytes = object.map<bpfmap::percpu_array<std::uint64_t>>("echoed_bytes");
  connection const tcp;
  verdict const attached(object.program("echo"), peers);
  BOOST_TEST(peers.insert(0, socket_fd(tcp.server.get())));
  BOOST_TEST(tcp.echo("there and back") == "there and back");
  BOOST_TEST(tcp.echo("again") == "again");
  BOOST_TEST(bytes.at(0) == 14U + 5U);
  BOOST_TEST(nothing_to_read(tcp.server));
  // Out of the map, the data is the process's again.
  BOOST_TEST(peers.erase(0));
  BOOST_REQUIRE(send(tcp.client.get(), "x", 1, 0) == 1);
  BOOST_TEST(test::readable(tcp.server.get()));
  BOOST_TEST(bytes.at(0) == 14U + 5U);
}

BOOST_AUTO_TEST_CASE(tcp_comes_back_through_a_sockhash_by_its_key) {
  auto object = test::loaded("sockets");
  auto const peers = object.map<bpfmap::sockhash<peer>>("peers_by_port");
  connection const one;
  connection const other;
  verdict const attached(object.program("echo_by_port"), peers);
  peers.insert_or_assign({port_of(one.server), AF_INET}, socket_fd(one.server.get()));
  peers.insert_or_assign({port_of(other.server), AF_INET}, socket_fd(other.server.get()));
  BOOST_TEST(one.echo("one") == "one");
  BOOST_TEST(other.echo("the other") == "the other");
  BOOST_TEST(nothing_to_read(one.server));
  BOOST_TEST(peers.size() == 2U);
  std::set<peer> keys;
  for (peer const key : peers.keys()) keys.insert(key);
  BOOST_TEST((keys == std::set<peer>{{port_of(one.server), AF_INET}, {port_of(other.server), AF_INET}}));
}

BOOST_AUTO_TEST_CASE(sockets_go_in_and_their_cookies_come_out) {
  auto const check = []<class Map>(Map const& map) {
    connection tcp;
    BOOST_TEST(!map.find(1).has_value());
    BOOST_TEST(!map.assign(1, socket_fd(tcp.server.get())));
    BOOST_TEST(!map.erase(1));
    BOOST_TEST(map.insert(1, socket_fd(tcp.server.get())));
    BOOST_TEST(!map.insert(1, socket_fd(tcp.client.get())));
    BOOST_TEST(map.at(1) == cookie_of(tcp.server));
    BOOST_TEST(map.assign(1, socket_fd(tcp.client.get())));
    BOOST_TEST(map.at(1) == cookie_of(tcp.client));
    map.insert_or_assign(3, socket_fd(tcp.server.get()));
    std::set<std::pair<std::uint32_t, std::uint64_t>> seen;
    for (auto const& entry : map) seen.insert(entry);
    BOOST_TEST((seen == std::set<std::pair<std::uint32_t, std::uint64_t>>{{1, cookie_of(tcp.client)},
                                                                          {3, cookie_of(tcp.server)}}));
    BOOST_TEST(map.erase(1));
    BOOST_TEST(!map.erase(1));
    // The map does not keep a socket that is closed.
    BOOST_TEST(map.contains(3));
    tcp.server.reset();
    BOOST_TEST(!map.contains(3));
  };
  check(bpfmap::sockmap<>::create({.name = "sockmap", .max_entries = 4}));
  check(bpfmap::sockhash<std::uint32_t>::create({.name = "sockhash", .max_entries = 4}));
}

BOOST_AUTO_TEST_CASE(an_index_of_a_sockmap_out_of_range_is_absent_and_cannot_be_set) {
  auto const map = bpfmap::sockmap<>::create({.name = "sockmap", .max_entries = 2});
  connection const tcp;
  BOOST_TEST(!map.find(2).has_value());
  BOOST_TEST(!map.erase(2));
  BOOST_TEST(!map.assign(2, socket_fd(tcp.server.get())));
  auto const message = test::message_of([&] { map.insert(2, socket_fd(tcp.server.get())); });
  BOOST_TEST(
      message ==
      "insert on 'sockmap' (sockmap, key 4, value 8): Argument list too long [E2BIG]: the index is out of range: "
      "the map has 2 entries");
}

BOOST_AUTO_TEST_CASE(a_full_sockhash_refuses_new_keys) {
  auto const map = bpfmap::sockhash<std::uint32_t>::create({.name = "sockhash", .max_entries = 1});
  connection const tcp;
  map.insert_or_assign(1, socket_fd(tcp.server.get()));
  auto const message = test::message_of([&] { map.insert_or_assign(2, socket_fd(tcp.client.get())); });
  BOOST_TEST(test::has(message, "[E2BIG]: the map already holds its 1 entries"), message);
  map.insert_or_assign(1, socket_fd(tcp.client.get()));
  BOOST_TEST(map.at(1) == cookie_of(tcp.client));
  BOOST_TEST(map.size() == 1U);
  BOOST_TEST(!map.empty());
  BOOST_TEST(map.erase(1));
  BOOST_TEST(map.empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_suitable_socket_is_refused_and_told_why) {
  auto const check = [](auto const& map) {
    auto const file = test::message_of([&] { map.insert_or_assign(0, socket_fd(map.fd())); });
    BOOST_TEST(test::has(file, "[ENOTSOCK]: the descriptor is not a socket's"), file);
    auto const closed = test::message_of([&] { map.insert_or_assign(0, socket_fd(9999)); });
    BOOST_TEST(test::has(closed, "[EBADF]: the socket was closed"), closed);
    auto const none = test::message_of([&] { map.insert_or_assign(0, socket_fd()); });
    BOOST_TEST(test::has(none, "[EBADF]: the socket was closed"), none);
  };
  auto const sockmap = bpfmap::sockmap<>::create({.name = "sockmap", .max_entries = 2});
  check(sockmap);
  check(bpfmap::sockhash<std::uint32_t>::create({.name = "sockhash", .max_entries = 2}));
  check(bpfmap::reuseport_sockarray<>::create({.name = "reuseport", .max_entries = 2}));
  check(bpfmap::sockmap<no_cookies>::create({.name = "narrow", .max_entries = 2}));
  unique_fd const unconnected = tcp_socket();
  auto const state = test::message_of([&] { sockmap.insert_or_assign(0, socket_fd(unconnected.get())); });
  BOOST_TEST(test::has(state, "[EOPNOTSUPP]: the map does not take such sockets, or not in this state"), state);
  // Listening is a state that it takes.
  unique_fd const listening = listener();
  sockmap.insert_or_assign(0, socket_fd(listening.get()));
  BOOST_TEST(sockmap.contains(0));
}

BOOST_AUTO_TEST_CASE(values_of_4_bytes_take_sockets_and_give_none) {
  auto const map = bpfmap::sockhash<std::uint32_t, no_cookies>::create({.name = "narrow", .max_entries = 4});
  connection const tcp;
  BOOST_TEST(map.info().value_size == 4U);
  BOOST_TEST(map.insert(7, socket_fd(tcp.server.get())));
  BOOST_TEST(!map.insert(7, socket_fd(tcp.client.get())));
  BOOST_TEST(map.assign(7, socket_fd(tcp.client.get())));
  std::vector<std::uint32_t> keys;
  for (std::uint32_t const key : map.keys()) keys.push_back(key);
  BOOST_TEST((keys == std::vector<std::uint32_t>{7}));
  BOOST_TEST(map.size() == 1U);
  // A class that would read cookies does not open it.
  auto const message = test::message_of([&] { (void)bpfmap::sockhash<std::uint32_t>::from_fd(map.fd()); });
  BOOST_TEST(test::has(message, "value size is 4, expected 8"), message);
  BOOST_TEST(map.erase(7));
  BOOST_TEST(!map.erase(7));
}

BOOST_AUTO_TEST_CASE(a_reuseport_sockarray_chooses_the_listener) {
  auto object = test::loaded("sockets");
  auto const listeners = object.map<bpfmap::reuseport_sockarray<>>("listeners");
  auto const chosen = object.map<bpfmap::array<std::uint32_t>>("chosen");
  unique_fd const first = listener();
  std::uint16_t const port = port_of(first);
  unique_fd const second = listener(port);
  int const program = object.program("choose").fd();
  BOOST_REQUIRE(setsockopt(first.get(), SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &program, sizeof program) == 0);
  listeners.insert_or_assign(0, socket_fd(first.get()));
  BOOST_TEST(listeners.insert(3, socket_fd(second.get())));
  for (int round = 0; round < 4; ++round) {
    for (auto const& [index, wanted, other] : {std::tuple(0U, &first, &second), std::tuple(3U, &second, &first)}) {
      chosen.insert_or_assign(0, index);
      unique_fd const client = connected_to(port);
      BOOST_REQUIRE(test::readable(wanted->get()));
      unique_fd const accepted(accept4(wanted->get(), nullptr, nullptr, SOCK_CLOEXEC));
      BOOST_TEST(static_cast<bool>(accepted));
      unique_fd const wrong(accept4(other->get(), nullptr, nullptr, SOCK_CLOEXEC));
      BOOST_TEST(!wrong);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_reuseport_sockarray_takes_listeners_once_and_forgets_closed_ones) {
  auto const map = bpfmap::reuseport_sockarray<>::create({.name = "reuseport", .max_entries = 4});
  auto const other = bpfmap::reuseport_sockarray<>::create({.name = "other", .max_entries = 4});
  unique_fd first = listener();
  unique_fd const second = listener(port_of(first));
  BOOST_TEST(!map.find(0).has_value());
  BOOST_TEST(!map.assign(0, socket_fd(first.get())));
  BOOST_TEST(map.insert(0, socket_fd(first.get())));
  BOOST_TEST(map.at(0) == cookie_of(first));
  BOOST_TEST(!map.insert(0, socket_fd(second.get())));
  auto const twice = test::message_of([&] { other.insert(0, socket_fd(first.get())); });
  BOOST_TEST(test::has(twice, "[EBUSY]: the socket is in a map already"), twice);
  unique_fd const unbound = tcp_socket();
  auto const message = test::message_of([&] { map.insert(1, socket_fd(unbound.get())); });
  BOOST_TEST(test::has(message, "[EINVAL]: the socket is not bound, or has no SO_REUSEPORT"), message);
  BOOST_TEST(!map.erase(1));
  BOOST_TEST(!map.erase(9));
  BOOST_TEST(!map.assign(9, socket_fd(second.get())));
  std::vector<std::uint32_t> indices;
  map.insert_or_assign(2, socket_fd(second.get()));
  for (auto const& [index, cookie] : map) {
    indices.push_back(index);
    BOOST_TEST(cookie == cookie_of(index == 0 ? first : second));
  }
  BOOST_TEST((indices == std::vector<std::uint32_t>{0, 2}));
  first.reset();
  BOOST_TEST(!map.contains(0));
  BOOST_TEST(map.erase(2));
  BOOST_TEST(other.insert(0, socket_fd(second.get())));
}

BOOST_AUTO_TEST_SUITE_END()
