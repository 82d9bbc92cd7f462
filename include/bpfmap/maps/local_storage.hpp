// SPDX-License-Identifier: MIT
#ifndef BPFMAP_MAPS_LOCAL_STORAGE_HPP
#define BPFMAP_MAPS_LOCAL_STORAGE_HPP

// The local storages: values that lie with a kernel object, and go with it. sk_storage, inode_storage, task_storage,
// cgrp_storage.

#include <cerrno>
#include <concepts>
#include <optional>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/handles.hpp>
#include <bpfmap/engine/keyed_map.hpp>
#include <bpfmap/kernel/fd.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// A task by its number: a process, or one of its threads. A process's number is that of its main thread.
struct pid {
  ::pid_t number;
};

/// May be the value of a local storage.
template <class T>
concept storage_value =
    map_value<T> &&
    because<sizeof(T) <= detail::storage_max, "the value of a local storage may have 65407 bytes at the most">;

namespace detail {

// Never holds, and says why for other keys than the right one.
template <class K, class Key>
concept wrong_key =
    !std::same_as<K, Key> && because<std::same_as<K, Key>,
                                     "the key of a local storage says what it is: a socket_fd (sk_storage), file_fd "
                                     "(inode_storage), pid_fd or pid (task_storage) or cgroup_fd (cgrp_storage)">;

/// Keys are descriptors, which user space alone has: programs have the objects themselves. The kernel creates none
/// without BTF, so it is made from the C++ type.
/// Writing, EAGAIN is tried again, up to 64 times: the object's last element, of whatever map, goes at this moment.
template <class Derived, map_type Type, class Key, class T>
class local_storage : public keyed_map<Derived, Type, Key, plain_values<T>> {
  using base = keyed_map<Derived, Type, Key, plain_values<T>>;

 public:
  using base::assign;
  using base::at;
  using base::contains;
  using base::erase;
  using base::find;
  using base::insert;
  using base::insert_or_assign;

  // Near misses: keys of another kind. They never compile, and say why.
  template <class K, class... A>
  void assign(K const&, A&&...) const
    requires wrong_key<K, Key>;
  template <class K, class... A>
  void at(K const&, A&&...) const
    requires wrong_key<K, Key>;
  template <class K, class... A>
  void contains(K const&, A&&...) const
    requires wrong_key<K, Key>;
  template <class K, class... A>
  void erase(K const&, A&&...) const
    requires wrong_key<K, Key>;
  template <class K, class... A>
  void find(K const&, A&&...) const
    requires wrong_key<K, Key>;
  template <class K, class... A>
  void insert(K const&, A&&...) const
    requires wrong_key<K, Key>;
  template <class K, class... A>
  void insert_or_assign(K const&, A&&...) const
    requires wrong_key<K, Key>;
};

// pidfd_open(2), Linux 5.3; of a thread that is not its process's first, 6.9.
inline unique_fd open_task(pid which, std::error_code& ec) noexcept {
  constexpr long pidfd_open = 434;  // on every architecture
  constexpr unsigned thread = O_EXCL;
  unique_fd task(static_cast<int>(::syscall(pidfd_open, which.number, 0U)));
  if (!task && errno != ESRCH && errno != EMFILE && errno != ENFILE) {
    task.reset(static_cast<int>(::syscall(pidfd_open, which.number, thread)));
  }
  ec = task ? std::error_code{} : make_error(errno);
  return task;
}

}  // namespace detail

/// BPF_MAP_TYPE_SK_STORAGE, Linux 5.2: a value for each socket that has one, which goes with the socket.
///
/// Any descriptor of the socket is the key. With map_flags::clone a value is copied to the sockets that accept(2)
/// gives, if it was made by a program that says so.
/// @code
/// auto marks = bpfmap::sk_storage<mark>::bind(skeleton->maps.marks);
/// if (std::optional<mark> found = marks.find(bpfmap::socket_fd(connection))) …
/// @endcode
/// @errors of all element functions: EBADF not open; ENOTSOCK not a socket; writing: EAGAIN after 64 tries
template <storage_value T>
class sk_storage : public detail::local_storage<sk_storage<T>, map_type::sk_storage, socket_fd, T> {
  friend typename sk_storage::typed_map;
};

/// BPF_MAP_TYPE_INODE_STORAGE, Linux 5.10 with CONFIG_BPF_LSM: a value for each inode that has one, which goes when
/// the kernel drops the inode from its memory.
///
/// Any descriptor of the file is the key.
/// @errors of all element functions: EBADF not open; writing: EAGAIN after 64 tries
template <storage_value T>
class inode_storage : public detail::local_storage<inode_storage<T>, map_type::inode_storage, file_fd, T> {
  friend typename inode_storage::typed_map;
};

/// BPF_MAP_TYPE_CGRP_STORAGE, Linux 6.2: a value for each cgroup that has one, which goes with the cgroup.
///
/// A descriptor of the cgroup's directory is the key.
/// @errors of all element functions: EBADF not open, or no cgroup's directory; writing: EAGAIN after 64 tries
template <storage_value T>
class cgrp_storage : public detail::local_storage<cgrp_storage<T>, map_type::cgrp_storage, cgroup_fd, T> {
  friend typename cgrp_storage::typed_map;
};

/// BPF_MAP_TYPE_TASK_STORAGE, Linux 5.11: a value for each task that has one, which goes with the task.
///
/// The key is a pidfd, or a task's number: then the pidfd is opened, and closed again. Every thread is a task with a
/// value of its own; a process's pidfd stands for its main thread. Numbers of tasks are used again, pidfds are not.
/// @code
/// auto spans = bpfmap::task_storage<span>::bind(skeleton->maps.spans);
/// if (std::optional<span> found = spans.find(bpfmap::pid{1234})) …  // nothing also if there is no such task
/// @endcode
/// @errors of all element functions: EBADF not open, or no pidfd; by a pidfd, writing: ENOENT the task has ended;
///         EAGAIN after 64 tries; by number, writing: ESRCH there is no such task; EMFILE; EINVAL a thread's number,
///         before Linux 6.9
/// @cost by number two more system calls
template <storage_value T>
class task_storage : public detail::local_storage<task_storage<T>, map_type::task_storage, pid_fd, T> {
  using base = detail::local_storage<task_storage<T>, map_type::task_storage, pid_fd, T>;
  friend typename task_storage::typed_map;

 public:
  using base::assign;
  using base::at;
  using base::contains;
  using base::erase;
  using base::find;
  using base::insert;
  using base::insert_or_assign;

  // By number: as the functions of the same name by pidfd.
  [[nodiscard]] std::optional<T> find(pid which, std::error_code& ec) const noexcept {
    return with_task(which, true, ec, [&](pid_fd key) { return find(key, ec); });
  }
  [[nodiscard]] T at(pid which, std::error_code& ec) const noexcept {
    std::optional<T> const found = find(which, ec);
    if (!found && !ec) ec = make_error(ENOENT);
    return found ? *found : T{};
  }
  [[nodiscard]] bool contains(pid which, std::error_code& ec) const noexcept {
    return with_task(which, true, ec, [&](pid_fd key) { return contains(key, ec); });
  }
  bool insert(pid which, T const& value, std::error_code& ec) const noexcept {
    return with_task(which, false, ec, [&](pid_fd key) { return insert(key, value, ec); });
  }
  bool assign(pid which, T const& value, std::error_code& ec) const noexcept {
    return with_task(which, true, ec, [&](pid_fd key) { return assign(key, value, ec); });
  }
  void insert_or_assign(pid which, T const& value, std::error_code& ec) const noexcept {
    with_task(which, false, ec, [&](pid_fd key) { return insert_or_assign(key, value, ec), true; });
  }
  bool erase(pid which, std::error_code& ec) const noexcept {
    return with_task(which, true, ec, [&](pid_fd key) { return erase(key, ec); });
  }

  [[nodiscard]] std::optional<T> find(pid which) const
    requires throwing<>
  {
    return or_fail(operation::find, [&](std::error_code& ec) { return find(which, ec); });
  }
  [[nodiscard]] T at(pid which) const
    requires throwing<>
  {
    std::optional<T> const found = or_fail(operation::at, [&](std::error_code& ec) { return find(which, ec); });
    if (!found) this->raise_absent();
    return *found;
  }
  [[nodiscard]] bool contains(pid which) const
    requires throwing<>
  {
    return or_fail(operation::contains, [&](std::error_code& ec) { return contains(which, ec); });
  }
  bool insert(pid which, T const& value) const
    requires throwing<>
  {
    return or_fail(operation::insert, [&](std::error_code& ec) { return insert(which, value, ec); });
  }
  bool assign(pid which, T const& value) const
    requires throwing<>
  {
    return or_fail(operation::assign, [&](std::error_code& ec) { return assign(which, value, ec); });
  }
  void insert_or_assign(pid which, T const& value) const
    requires throwing<>
  {
    or_fail(operation::insert_or_assign, [&](std::error_code& ec) { return insert_or_assign(which, value, ec), true; });
  }
  bool erase(pid which) const
    requires throwing<>
  {
    return or_fail(operation::erase, [&](std::error_code& ec) { return erase(which, ec); });
  }

 private:
  // What `use` gives for the task's pidfd; for a task that is not there nothing, which is an error unless it `may` be.
  template <class Use>
  auto with_task(pid which, bool may_be_absent, std::error_code& ec, Use const& use) const noexcept
      -> decltype(use(pid_fd{})) {
    unique_fd const task = detail::open_task(which, ec);
    if (task) return use(pid_fd(task.get()));
    if (may_be_absent && ec.value() == ESRCH) ec.clear();
    return {};
  }

  template <class Do>
  auto or_fail(operation what, Do const& act) const {
    std::error_code ec;
    auto result = act(ec);
    if (ec) this->fail(what, -ec.value());
    return result;
  }
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
