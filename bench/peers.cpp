// SPDX-License-Identifier: MIT
#include "peers.hpp"

#include <linux/mount.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX wants it declared

namespace bench {

namespace {

struct pipe_ends {
  int read = -1;
  int write = -1;
};

pipe_ends make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
  return {ends[0], ends[1]};
}

// A map, pinned in a bpffs of this process' own: it is mounted nowhere, others reach it through /proc, and it ends with
// this object, whatever happens.
class pin {
 public:
  explicit pin(int fd) {
    int const context = checked(::syscall(SYS_fsopen, "bpf", FSOPEN_CLOEXEC), "fsopen");
    bool const made = ::syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0;
    root_ = made ? static_cast<int>(::syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0)) : -1;
    ::close(context);
    checked(root_, "mounting a bpffs");
    path_ = fmt::format("/proc/{}/fd/{}/map", ::getpid(), root_);
    if (bpf_obj_pin(fd, path_.c_str()) == 0) return;
    int const why = errno;
    ::close(root_);
    throw std::system_error(why, std::generic_category(), "pinning a map for the peers");
  }
  pin(pin const&) = delete;
  pin& operator=(pin const&) = delete;
  ~pin() { ::close(root_); }

  [[nodiscard]] std::string const& path() const noexcept { return path_; }

 private:
  static int checked(long result, char const* what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
    return static_cast<int>(result);
  }

  int root_ = -1;
  std::string path_;
};

}  // namespace

peer::peer(std::string const& program) {
  std::signal(SIGPIPE, SIG_IGN);  // a peer that has ended is an error of write()
  pipe_ends const in = make_pipe();
  pipe_ends const out = make_pipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
  std::string name = program;
  char* const arguments[] = {name.data(), nullptr};
  int const failed = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(in.read);
  ::close(out.write);
  to_ = in.write;
  from_ = out.read;
  if (failed != 0) throw std::system_error(failed, std::generic_category(), program);
  introduction_ = ask("hello");
  name_ = introduction_.substr(0, introduction_.find(' '));
}

peer::~peer() {
  ::close(to_);  // the end of its input is its end
  ::close(from_);
  if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
}

std::string peer::ask(std::string const& line) {
  std::string const sent = line + '\n';
  if (::write(to_, sent.data(), sent.size()) != static_cast<ssize_t>(sent.size())) {
    throw std::runtime_error(name_ + " does not listen");
  }
  std::size_t end = 0;
  while ((end = pending_.find('\n')) == std::string::npos) {
    char block[4096];
    ssize_t const count = ::read(from_, block, sizeof block);
    if (count <= 0) throw std::runtime_error(name_ + " ended at: " + line);
    pending_.append(block, static_cast<std::size_t>(count));
  }
  std::string answer = pending_.substr(0, end);
  pending_.erase(0, end + 1);
  if (answer.starts_with("error")) throw std::runtime_error(fmt::format("{}: {}: {}", name_, line, answer));
  return answer;
}

std::vector<std::unique_ptr<peer>>& peers() {
  static std::vector<std::unique_ptr<peer>> all;
  return all;
}

void open_for_peers(std::string const& kind, int fd) {
  if (peers().empty()) return;
  pin const pinned(fd);
  for (auto const& each : peers()) each->ask(fmt::format("open {} {}", kind, pinned.path()));
}

}  // namespace bench
