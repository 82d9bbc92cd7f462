// SPDX-License-Identifier: MIT
// A cgroup (v2) of a test's own.
#ifndef BPFMAP_TEST_SUPPORT_CGROUP_HPP
#define BPFMAP_TEST_SUPPORT_CGROUP_HPP

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpfmap/kernel/fd.hpp>

namespace test {

/// Where cgroup v2 is mounted; empty if nowhere.
inline std::string cgroup_root() {
  std::ifstream mounts("/proc/self/mounts");
  for (std::string device, path, type, rest; mounts >> device >> path >> type && std::getline(mounts, rest);) {
    if (type == "cgroup2") return path;
  }
  return {};
}

/// A precondition: cgroups can be made here.
inline boost::test_tools::assertion_result has_cgroups(boost::unit_test::test_unit_id) {
  std::string const root = cgroup_root();
  boost::test_tools::assertion_result result(!root.empty() && access(root.c_str(), W_OK) == 0);
  if (!result) result.message() << "needs a writable cgroup v2 hierarchy";
  return result;
}

/// A new cgroup, gone with this object; the process, should it have entered, is then where it was.
class cgroup {
 public:
  cgroup() : root_(cgroup_root()), path_(root_ + "/bpfmap-test-" + std::to_string(getpid())) {
    std::ifstream where("/proc/self/cgroup");
    for (std::string line; std::getline(where, line);) {
      if (line.rfind("0::", 0) == 0) home_ = root_ + line.substr(3);
    }
    BOOST_TEST_REQUIRE(mkdir(path_.c_str(), 0700) == 0);
    fd_.reset(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    BOOST_TEST_REQUIRE(fd_.get() >= 0);
  }
  cgroup(cgroup const&) = delete;
  cgroup& operator=(cgroup const&) = delete;
  ~cgroup() {
    if (entered_) move_to(home_);
    BOOST_TEST(rmdir(path_.c_str()) == 0, "the test's cgroup could not be removed: " << path_);
  }

  /// Moves this process in.
  void enter() { entered_ = move_to(path_); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::string const& path() const { return path_; }
  /// The kernel's number of it: its directory's inode.
  [[nodiscard]] std::uint64_t id() const {
    struct stat about {};
    fstat(fd_.get(), &about);
    return about.st_ino;
  }

 private:
  static bool move_to(std::string const& path) {
    std::ofstream procs(path + "/cgroup.procs");
    procs << getpid() << std::flush;
    BOOST_TEST(procs.good(), "the process could not be moved to " << path);
    return procs.good();
  }

  std::string root_;
  std::string path_;
  std::string home_;
  bpfmap::unique_fd fd_;
  bool entered_ = false;
};

}  // namespace test

#endif
