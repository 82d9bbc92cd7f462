// SPDX-License-Identifier: MIT
// What the kernel ring shares: when a case can run here, and watching for leaks.
#ifndef BPFMAP_TEST_SUPPORT_KERNEL_HPP
#define BPFMAP_TEST_SUPPORT_KERNEL_HPP

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <linux/mount.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpfmap/bpfmap.hpp>

namespace test {

/// Whether this process may create maps here. A precondition: cases are skipped, and counted so, where not.
inline boost::test_tools::assertion_result may_use_bpf(boost::unit_test::test_unit_id) {
  static std::error_code const ec = [] {
    std::error_code code;
    (void)bpfmap::array<std::uint64_t>::create({.max_entries = 1}, code);
    return code;
  }();
  boost::test_tools::assertion_result result(!ec);
  if (ec) result.message() << "creating a BPF map is not possible here: " << ec.message();
  return result;
}

inline bpfmap::kernel_version running_kernel() {
  utsname names{};
  uname(&names);
  unsigned major = 0;
  unsigned minor = 0;
  std::sscanf(names.release, "%u.%u", &major, &minor);
  return {static_cast<std::uint16_t>(major), static_cast<std::uint16_t>(minor)};
}

/// A precondition: the running kernel is at least this.
struct since {
  bpfmap::kernel_version first;

  boost::test_tools::assertion_result operator()(boost::unit_test::test_unit_id unit) const {
    auto allowed = may_use_bpf(unit);
    if (!allowed) return allowed;
    boost::test_tools::assertion_result result(running_kernel() >= first);
    if (!result) {
      result.message() << "needs Linux " << first.major << "." << first.minor << ", this is " << running_kernel().major
                       << "." << running_kernel().minor;
    }
    return result;
  }
};

/// A precondition: at least two CPUs are online.
inline boost::test_tools::assertion_result two_cpus(boost::unit_test::test_unit_id unit) {
  auto allowed = may_use_bpf(unit);
  if (!allowed) return allowed;
  std::error_code ec;
  boost::test_tools::assertion_result result(bpfmap::online_cpus(ec).size() >= 2);
  if (!result) result.message() << "needs two online CPUs";
  return result;
}

/// Whether QEMU emulates the CPUs, which makes them slow, and may make them take turns.
inline bool cpus_are_emulated() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.find("QEMU TCG CPU") != std::string::npos) return true;
  }
  return false;
}

/// A precondition: CPUs run at the same time, and what takes long for one takes long for all.
inline boost::test_tools::assertion_result real_cpus(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result result(!cpus_are_emulated());
  if (!result) result.message() << "the CPUs are emulated: they take turns, at a speed of their own";
  return result;
}

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for (auto const& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

/// Fails the test case that leaves more descriptors open than it found.
struct no_leak {
  std::size_t before = open_descriptors();

  no_leak() = default;
  no_leak(no_leak const&) = delete;
  no_leak& operator=(no_leak const&) = delete;
  ~no_leak() { BOOST_TEST(open_descriptors() == before, "the case left descriptors open"); }
};

/// The message of the bpfmap::error that `f` must throw.
template <class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (bpfmap::error const& failure) {
    return failure.what();
  }
  BOOST_ERROR("nothing was thrown");
  return {};
}

inline bool has(std::string const& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// What `f` answers at last: asked until it is `expected`, five seconds at the most.
template <class F>
auto eventually(F const& f, decltype(f()) expected) {
  auto const end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  auto answer = f();
  while (answer != expected && std::chrono::steady_clock::now() < end) answer = f();
  return answer;
}

/// A bpffs of this process's own, mounted nowhere and gone with it: nothing is left behind on the machine.
class private_bpffs {
 public:
  private_bpffs() {
    bpfmap::unique_fd const context(static_cast<int>(syscall(SYS_fsopen, "bpf", FSOPEN_CLOEXEC)));
    if (!context || syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return;
    root_ = bpfmap::unique_fd(static_cast<int>(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
  }

  [[nodiscard]] bool mounted() const { return static_cast<bool>(root_); }
  [[nodiscard]] std::string operator/(char const* name) const {
    return "/proc/self/fd/" + std::to_string(root_.get()) + "/" + name;
  }

 private:
  bpfmap::unique_fd root_;
};

}  // namespace test

// Boost.Test prints both sides of a comparison.
namespace bpfmap {
inline std::ostream& boost_test_print_type(std::ostream& out, counting how) { return out << to_string(how); }
inline std::ostream& boost_test_print_type(std::ostream& out, bulk_path path) { return out << to_string(path); }
}  // namespace bpfmap

#endif
