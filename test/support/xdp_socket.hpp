// SPDX-License-Identifier: MIT
// An AF_XDP socket that receives, in copy mode: works on every interface and kernel.
#ifndef BPFMAP_TEST_SUPPORT_XDP_SOCKET_HPP
#define BPFMAP_TEST_SUPPORT_XDP_SOCKET_HPP

#include "network.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <system_error>
#include <vector>

#include <linux/if_xdp.h>
#include <sys/mman.h>
#include <sys/socket.h>

namespace test {

class xdp_socket {
 public:
  static constexpr std::uint32_t slots = 64;
  static constexpr std::uint32_t slot_bytes = 2048;

  /// Receives from queue 0 of an interface of the calling thread's namespace.
  explicit xdp_socket(std::uint32_t ifindex)
      : fd_(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0)), memory_(map(-1, slots * slot_bytes, 0)) {
    check(fd_.get(), "AF_XDP socket");
    xdp_umem_reg memory{};
    memory.addr = reinterpret_cast<std::uintptr_t>(memory_.data());
    memory.len = memory_.size();
    memory.chunk_size = slot_bytes;
    set(XDP_UMEM_REG, memory);
    for (int const ring : {XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING}) set(ring, slots);
    xdp_mmap_offsets offsets{};
    auto length = static_cast<socklen_t>(sizeof offsets);
    check(::getsockopt(fd_.get(), SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &length), "XDP_MMAP_OFFSETS");
    fill_ = map(fd_.get(), offsets.fr.desc + slots * sizeof(std::uint64_t), XDP_UMEM_PGOFF_FILL_RING);
    received_ = map(fd_.get(), offsets.rx.desc + slots * sizeof(xdp_desc), XDP_PGOFF_RX_RING);
    places_ = offsets;
    // All memory is the kernel's to fill.
    auto* const addresses = reinterpret_cast<std::uint64_t*>(fill_.data() + offsets.fr.desc);
    for (std::uint32_t i = 0; i < slots; ++i) addresses[i] = std::uint64_t{i} * slot_bytes;
    word(fill_, offsets.fr.producer).store(slots, std::memory_order_release);
    sockaddr_xdp where{};
    where.sxdp_family = AF_XDP;
    where.sxdp_flags = XDP_COPY;
    where.sxdp_ifindex = ifindex;
    check(::bind(fd_.get(), reinterpret_cast<sockaddr const*>(&where), sizeof where), "bind an AF_XDP socket");
  }
  xdp_socket(xdp_socket const&) = delete;
  xdp_socket& operator=(xdp_socket const&) = delete;
  ~xdp_socket() {
    for (auto const& each : {memory_, fill_, received_}) ::munmap(each.data(), each.size());
  }

  [[nodiscard]] int fd() const { return fd_.get(); }

  /// Waits until that many frames have come, five seconds at the most: the first bytes behind the Ethernet header of
  /// each. At most as many as there are slots, in the life of a socket.
  [[nodiscard]] std::vector<std::uint32_t> receive(std::uint32_t count) {
    std::vector<std::uint32_t> numbers;
    auto const* const frames = reinterpret_cast<xdp_desc const*>(received_.data() + places_.rx.desc);
    while (numbers.size() < count && readable(fd_.get())) {
      std::uint32_t const end = word(received_, places_.rx.producer).load(std::memory_order_acquire);
      for (; taken_ != end; ++taken_) {
        std::uint32_t number = 0;
        std::memcpy(&number, memory_.data() + frames[taken_ % slots].addr + 14, sizeof number);
        numbers.push_back(number);
      }
      word(received_, places_.rx.consumer).store(taken_, std::memory_order_release);
    }
    return numbers;
  }

 private:
  static void check(int result, char const* what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  }
  template <class T>
  void set(int option, T const& value) const {
    check(::setsockopt(fd_.get(), SOL_XDP, option, &value, sizeof value), "setsockopt of an AF_XDP socket");
  }
  static std::span<std::byte> map(int fd, std::size_t bytes, std::uint64_t offset) {
    int const flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED | MAP_POPULATE;
    void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, static_cast<off_t>(offset));
    check(at == MAP_FAILED ? -1 : 0, "mmap of an AF_XDP socket");
    return {static_cast<std::byte*>(at), bytes};
  }
  static std::atomic_ref<std::uint32_t> word(std::span<std::byte> ring, std::uint64_t offset) {
    return std::atomic_ref<std::uint32_t>(*reinterpret_cast<std::uint32_t*>(ring.data() + offset));
  }

  bpfmap::unique_fd fd_;
  std::span<std::byte> memory_;
  std::span<std::byte> fill_;
  std::span<std::byte> received_;
  xdp_mmap_offsets places_{};
  std::uint32_t taken_ = 0;
};

}  // namespace test

#endif
