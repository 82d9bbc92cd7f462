// SPDX-License-Identifier: MIT
// Other libraries, each in a process of its own, which do the same on the same maps when they are told to: a line
// in, a line out. bench/peers/README.md has the words.
#ifndef BPFMAP_BENCH_PEERS_HPP
#define BPFMAP_BENCH_PEERS_HPP

#include <memory>
#include <string>
#include <vector>

namespace bench {

class peer {
 public:
  /// Starts the program. Throws std::system_error, std::runtime_error if it does not introduce itself.
  explicit peer(std::string const& program);
  peer(peer const&) = delete;
  peer& operator=(peer const&) = delete;
  ~peer();

  /// "cilium/ebpf 0.22.0, go 1.27.3"
  [[nodiscard]] std::string const& introduction() const noexcept { return introduction_; }
  /// "cilium/ebpf"
  [[nodiscard]] std::string const& name() const noexcept { return name_; }

  /// Sends a line, and gives the one that comes back. Throws std::runtime_error if the peer says "error", or nothing.
  std::string ask(std::string const& line);

 private:
  int pid_ = -1;
  int to_ = -1;
  int from_ = -1;
  std::string pending_;
  std::string introduction_;
  std::string name_;
};

std::vector<std::unique_ptr<peer>>& peers();

/// Pins the map for as long as it takes every peer to open it.
void open_for_peers(std::string const& kind, int fd);

}  // namespace bench

#endif
