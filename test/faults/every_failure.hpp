// SPDX-License-Identifier: MIT
// Tries a call with every failure that it can meet, each in a process of its own.
#ifndef BPFMAP_TEST_FAULTS_EVERY_FAILURE_HPP
#define BPFMAP_TEST_FAULTS_EVERY_FAILURE_HPP

#include <functional>
#include <memory>
#include <string>

#include "faults.hpp"

namespace faults {

/// A call on something, and what must hold after it.
class scenario {
 public:
  scenario() = default;
  scenario(scenario const&) = delete;
  scenario& operator=(scenario const&) = delete;
  virtual ~scenario() = default;

  /// The call; may throw.
  virtual void call() = 0;
  /// What is wrong now, after a call() that succeeded or not; empty if all is well.
  virtual std::string problem(bool succeeded) = 0;
};

/// How many failures were tried, by kind; boost's log has what went wrong.
struct tally {
  std::size_t system_calls = 0;
  std::size_t allocations = 0;
  std::size_t errors = 0;  ///< those that the caller was told of; the others were overcome
};

/// For each system call and each allocation of the call that `make` prepares, and each errno that may pass: it fails,
/// and the call succeeds or throws a bpfmap::error (for an allocation also std::bad_alloc); nothing is wrong, nothing
/// leaks, and the same call succeeds afterwards in the same process.
tally every_failure_of(std::function<std::unique_ptr<scenario>()> const& make);

}  // namespace faults

#endif
