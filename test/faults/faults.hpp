// SPDX-License-Identifier: MIT
// Lets the n-th system call or allocation of a process fail, whoever makes it: bpfmap, libbpf or the C library.
#ifndef BPFMAP_TEST_FAULTS_FAULTS_HPP
#define BPFMAP_TEST_FAULTS_FAULTS_HPP

#include <cstddef>
#include <cstdint>

namespace faults {

/// What can be made to fail.
enum class kind {
  none,         ///< only counts
  system_call,  ///< those that may give the errno that is asked for
  allocation    ///< malloc and its kin
};

/// From now on, and for the life of this process, system calls that can fail are seen. For a child that is made for
/// one case: what is set up cannot be taken down.
/// @return false if the kernel does not let us
bool watch_system_calls();

/// What `kind` the n-th (from 1) from now on is, fails; system calls with `error`. Others are done as ever.
void arm(kind which, std::size_t nth, int error);

/// Nothing fails any more. Says how many there were of either kind since arm().
struct counts {
  std::size_t system_calls = 0;
  std::size_t allocations = 0;
  bool failed = false;  ///< whether the one that was to fail came
  /// Which system calls they were, as far as there is room.
  static constexpr std::size_t most = 16384;
  std::uint16_t numbers[most] = {};
};
counts const& disarm();

/// Blocks of malloc that are not freed.
std::size_t live_blocks();

}  // namespace faults

#endif
