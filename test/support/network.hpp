// SPDX-License-Identifier: MIT
// Network namespaces, pairs of veth interfaces and raw frames, without any command: gone when the test ends, or dies.
#ifndef BPFMAP_TEST_SUPPORT_NETWORK_HPP
#define BPFMAP_TEST_SUPPORT_NETWORK_HPP

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <string>

#include <bpfmap/bpfmap.hpp>

namespace test {

/// A network namespace of its own, with nothing but a loopback interface that is down.
class network {
 public:
  network();

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  bpfmap::unique_fd fd_;
};

/// While it lives, the calling thread is in that namespace.
class inside {
 public:
  explicit inside(network const& where);
  inside(inside const&) = delete;
  inside& operator=(inside const&) = delete;
  ~inside();

 private:
  bpfmap::unique_fd before_;
};

/// Makes two interfaces that are each other's wire, one in each namespace, and brings both up.
void connect(network const& one, std::string const& name, network const& other, std::string const& other_name);

// For an interface of the calling thread's namespace:
std::uint32_t index_of(std::string const& name);
void bring_up(std::string const& name);
void remove(std::string const& name);

/// An XDP program on an interface; taken off when destroyed.
class xdp_attachment {
 public:
  xdp_attachment(std::uint32_t ifindex, bpfmap::program const& program, std::uint32_t mode);
  xdp_attachment(xdp_attachment const&) = delete;
  xdp_attachment& operator=(xdp_attachment const&) = delete;
  ~xdp_attachment();

 private:
  std::uint32_t ifindex_;
  std::uint32_t mode_;
  bpfmap::unique_fd network_;
};

/// Frames of a protocol that nobody else speaks, sent and received on one interface of the thread's namespace.
class frame_socket {
 public:
  static constexpr std::uint16_t protocol = 0x88b5;  // ETH_P for local experiments, IEEE 802

  explicit frame_socket(std::uint32_t ifindex);

  /// Sends frames, numbered from `first`.
  void send(std::uint32_t count, std::uint32_t first = 0) const;
  /// Waits until that many frames have come, five seconds at the most.
  /// @return how many came
  [[nodiscard]] std::uint32_t receive(std::uint32_t count) const;

 private:
  bpfmap::unique_fd fd_;
};

/// Waits until the descriptor is readable, five seconds at the most.
bool readable(int fd);

/// A precondition: network namespaces can be had, with their loopback interfaces.
boost::test_tools::assertion_result may_make_namespaces(boost::unit_test::test_unit_id unit);
/// A precondition: also veth interfaces and raw sockets.
boost::test_tools::assertion_result may_make_networks(boost::unit_test::test_unit_id unit);

/// The kernel's id of a loaded program.
std::uint32_t id_of(bpfmap::program const& program);

}  // namespace test

#endif
