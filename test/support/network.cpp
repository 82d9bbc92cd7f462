// SPDX-License-Identifier: MIT
#include "network.hpp"

#include "kernel.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <vector>

#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <fcntl.h>

namespace test {

namespace {

int checked(int result, char const* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

bpfmap::unique_fd current_network() {
  return bpfmap::unique_fd(checked(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "open a namespace"));
}

void enter(int network) { checked(::setns(network, CLONE_NEWNET), "setns"); }

/// A netlink message: a header, and attributes, which may hold others.
class message {
 public:
  message(std::uint16_t type, std::uint16_t flags) {
    append(nlmsghdr{.nlmsg_len = 0, .nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = 1, .nlmsg_pid = 0});
  }

  template <class T>
  void append(T const& part) {
    add(&part, sizeof part);
  }
  template <class F>
  void nest(std::uint16_t type, F const& fill) {
    std::size_t const at = bytes_.size();
    append(rtattr{.rta_len = 0, .rta_type = type});
    fill();
    auto const length = static_cast<std::uint16_t>(bytes_.size() - at);
    std::memcpy(bytes_.data() + at, &length, sizeof length);
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
  }
  void text(std::uint16_t type, std::string const& value) {
    nest(type, [&] { add(value.c_str(), value.size() + 1); });
  }

  /// Sends it and waits for the kernel's answer.
  void send() {
    auto const length = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &length, sizeof length);
    bpfmap::unique_fd const socket(checked(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), "netlink"));
    checked(static_cast<int>(::send(socket.get(), bytes_.data(), bytes_.size(), 0)), "netlink send");
    alignas(nlmsghdr) std::array<char, 4096> answer{};
    checked(static_cast<int>(::recv(socket.get(), answer.data(), answer.size(), 0)), "netlink receive");
    nlmsgerr error{};
    std::memcpy(&error, answer.data() + NLMSG_HDRLEN, sizeof error);
    errno = -error.error;
    checked(error.error == 0 ? 0 : -1, "the kernel's answer to a netlink request");
  }

 private:
  void add(void const* from, std::size_t count) {
    auto const* const first = static_cast<char const*>(from);
    bytes_.insert(bytes_.end(), first, first + count);
  }

  std::vector<char> bytes_;
};

template <class F>
std::string problem_of(F const& f) {
  try {
    f();
    return {};
  } catch (std::system_error const& failure) {
    return failure.what();
  }
}

struct frame {
  std::array<std::uint8_t, 6> destination = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  std::array<std::uint8_t, 6> source = {2, 0, 0, 0, 0, 1};
  std::uint16_t protocol = htons(frame_socket::protocol);
  std::array<std::uint8_t, 46> payload = {};
};
static_assert(sizeof(frame) == 60, "the shortest that Ethernet has");

}  // namespace

network::network() {
  auto const before = current_network();
  checked(::unshare(CLONE_NEWNET), "unshare");
  fd_ = current_network();
  enter(before.get());
}

inside::inside(network const& where) : before_(current_network()) { enter(where.fd()); }
inside::~inside() {
  if (::setns(before_.get(), CLONE_NEWNET) != 0) std::abort();  // all that follows would be in the wrong place
}

void connect(network const& one, std::string const& name, network const& other, std::string const& other_name) {
  {
    inside const there(one);
    message link(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    link.append(ifinfomsg{});
    link.text(IFLA_IFNAME, name);
    link.nest(IFLA_LINKINFO, [&] {
      link.text(IFLA_INFO_KIND, "veth");
      link.nest(IFLA_INFO_DATA, [&] {
        link.nest(VETH_INFO_PEER, [&] {
          link.append(ifinfomsg{});
          link.text(IFLA_IFNAME, other_name);
          link.nest(IFLA_NET_NS_FD, [&] { link.append(other.fd()); });
        });
      });
    });
    link.send();
    bring_up(name);
  }
  inside const there(other);
  bring_up(other_name);
}

std::uint32_t index_of(std::string const& name) {
  std::uint32_t const index = ::if_nametoindex(name.c_str());
  checked(index == 0 ? -1 : 0, "if_nametoindex");
  return index;
}

void bring_up(std::string const& name) {
  bpfmap::unique_fd const socket(checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
  ifreq request{};
  name.copy(request.ifr_name, sizeof request.ifr_name - 1);
  checked(::ioctl(socket.get(), SIOCGIFFLAGS, &request), "SIOCGIFFLAGS");
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  checked(::ioctl(socket.get(), SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
}

void remove(std::string const& name) {
  message link(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK);
  link.append(ifinfomsg{});
  link.text(IFLA_IFNAME, name);
  link.send();
}

xdp_attachment::xdp_attachment(std::uint32_t ifindex, bpfmap::program const& program, std::uint32_t mode)
    : ifindex_(ifindex), mode_(mode), network_(current_network()) {
  int const result = ::bpf_xdp_attach(static_cast<int>(ifindex), program.fd(), mode, nullptr);
  errno = -result;
  checked(result, "bpf_xdp_attach");
}
xdp_attachment::~xdp_attachment() {
  auto const before = current_network();
  enter(network_.get());
  ::bpf_xdp_detach(static_cast<int>(ifindex_), mode_, nullptr);
  enter(before.get());
}

frame_socket::frame_socket(std::uint32_t ifindex)
    : fd_(checked(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(protocol)), "packet socket")) {
  sockaddr_ll where{};
  where.sll_family = AF_PACKET;
  where.sll_protocol = htons(protocol);
  where.sll_ifindex = static_cast<int>(ifindex);
  checked(::bind(fd_.get(), reinterpret_cast<sockaddr const*>(&where), sizeof where), "bind a packet socket");
}

void frame_socket::send(std::uint32_t count, std::uint32_t first) const {
  for (std::uint32_t i = first; i < first + count; ++i) {
    frame one;
    std::memcpy(one.payload.data(), &i, sizeof i);
    checked(static_cast<int>(::send(fd_.get(), &one, sizeof one, 0)), "send a frame");
  }
}

std::uint32_t frame_socket::receive(std::uint32_t count) const {
  std::uint32_t seen = 0;
  while (seen < count && readable(fd_.get())) {
    frame one;
    sockaddr_ll from{};
    auto length = static_cast<socklen_t>(sizeof from);
    auto const got = ::recvfrom(fd_.get(), &one, sizeof one, 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (got == static_cast<ssize_t>(sizeof one) && from.sll_pkttype != PACKET_OUTGOING) ++seen;
  }
  return seen;
}

bool readable(int fd) {
  pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, 5000) == 1;
}

boost::test_tools::assertion_result may_make_namespaces(boost::unit_test::test_unit_id unit) {
  auto allowed = may_use_bpf(unit);
  if (!allowed) return allowed;
  static std::string const problem = problem_of([] {
    network const one;
    inside const there(one);
    bring_up("lo");
  });
  boost::test_tools::assertion_result result(problem.empty());
  if (!result) result.message() << "no network namespaces here: " << problem;
  return result;
}

boost::test_tools::assertion_result may_make_networks(boost::unit_test::test_unit_id unit) {
  auto allowed = may_make_namespaces(unit);
  if (!allowed) return allowed;
  static std::string const problem = problem_of([] {
    network const one;
    network const other;
    connect(one, "a", other, "b");
    inside const there(one);
    static_cast<void>(frame_socket(index_of("a")));
  });
  boost::test_tools::assertion_result result(problem.empty());
  if (!result) result.message() << "no veth interfaces or raw sockets here: " << problem;
  return result;
}

std::uint32_t id_of(bpfmap::program const& program) {
  bpf_prog_info info{};
  auto length = static_cast<std::uint32_t>(sizeof info);
  int const result = ::bpf_obj_get_info_by_fd(program.fd(), &info, &length);
  errno = -result;
  checked(result, "bpf_obj_get_info_by_fd");
  return info.id;
}

}  // namespace test
