// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_ERROR_HPP
#define BPFMAP_CORE_ERROR_HPP

// Errors: errno values as std::error_code, and bpfmap::error, which tells operation, map, errno and what
// to do about it. Text is made only when something has failed.

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include <bpfmap/core/map_traits.hpp>
#include <bpfmap/core/operation.hpp>

namespace bpfmap::inline BPFMAP_ABI {

namespace detail {

/// One text of texts and numbers. Not operator+: GCC 12 warns of its `"literal" + std::string` (-Wrestrict,
/// GCC bug 105651), and users compile these headers with their own flags.
template <class... Part>
std::string join(Part const&... parts) {
  std::string text;
  auto const add = [&text]<class T>(T const& part) {
    if constexpr (std::is_integral_v<T>)
      text.append(std::to_string(part));
    else
      text.append(std::string_view(part));
  };
  (add(parts), ...);
  return text;
}

struct errno_name {
  int number;
  std::string_view name;
};

inline constexpr errno_name errno_names[] = {
    {EPERM, "EPERM"},
    {ENOENT, "ENOENT"},
    {EINTR, "EINTR"},
    {EIO, "EIO"},
    {E2BIG, "E2BIG"},
    {EBADF, "EBADF"},
    {EAGAIN, "EAGAIN"},
    {ENOMEM, "ENOMEM"},
    {EACCES, "EACCES"},
    {EFAULT, "EFAULT"},
    {EBUSY, "EBUSY"},
    {EEXIST, "EEXIST"},
    {ENODEV, "ENODEV"},
    {ENOTDIR, "ENOTDIR"},
    {EISDIR, "EISDIR"},
    {EINVAL, "EINVAL"},
    {EMFILE, "EMFILE"},
    {ENOSPC, "ENOSPC"},
    {EROFS, "EROFS"},
    {EDOM, "EDOM"},
    {ERANGE, "ERANGE"},
    {EDEADLK, "EDEADLK"},
    {ENAMETOOLONG, "ENAMETOOLONG"},
    {ENOSYS, "ENOSYS"},
    {ELOOP, "ELOOP"},
    {ENOTSOCK, "ENOTSOCK"},
    {EMSGSIZE, "EMSGSIZE"},
    {EOPNOTSUPP, "EOPNOTSUPP"},
    {ETIMEDOUT, "ETIMEDOUT"},
    {ESTALE, "ESTALE"},
    {EBADMSG, "EBADMSG"},
    {EOVERFLOW, "EOVERFLOW"},
    {ESRCH, "ESRCH"},
    {ENOEXEC, "ENOEXEC"},
    {ENOTSUP, "ENOTSUP"},
    {ENODATA, "ENODATA"},
    {ENXIO, "ENXIO"},
    {ENFILE, "ENFILE"},
    {enotsupp, "ENOTSUPP"},
};

// libbpf's own error numbers (enum libbpf_errno), which have no strerror.
inline constexpr std::string_view libbpf_errors[] = {
    "libelf could not be used",                // 4000
    "this is not a valid ELF or BTF file",     // 4001
    "the kernel version is missing or wrong",  // 4002
    "the object's byte order is not this machine's",
    "internal error in libbpf",
    "relocation failed",
    "the verifier or the kernel refused the program",
    "problem verifying the program",
    "the program is too big",
    "the kernel does not support this program's version",
    "wrong type of program",
    "wrong netlink process id",
    "wrong netlink sequence number",
    "netlink message too short",
};
inline constexpr int libbpf_first_error = 4000;

// The text of an error number that the C library has none for; empty: it has one.
constexpr std::string_view own_message(int number) noexcept {
  if (number == enotsupp) return "Operation not supported by this kind of map or program";
  bool const of_libbpf =
      number >= libbpf_first_error && number < libbpf_first_error + static_cast<int>(std::size(libbpf_errors));
  return of_libbpf ? libbpf_errors[number - libbpf_first_error] : std::string_view{};
}

class error_category final : public std::error_category {
 public:
  [[nodiscard]] char const* name() const noexcept override { return "bpf"; }

  [[nodiscard]] std::string message(int number) const override {
    if (std::string_view const own = own_message(number); !own.empty()) return std::string(own);
    return std::generic_category().message(number);
  }

  // So that code == std::errc::operation_not_permitted works, and both "not supported" compare equal to it.
  [[nodiscard]] std::error_condition default_error_condition(int number) const noexcept override {
    if (number == enotsupp) return std::errc::operation_not_supported;
    return {number, std::generic_category()};
  }
};

inline error_category const the_error_category;

}  // namespace detail

/// The category of every std::error_code that bpfmap gives: values are errno numbers (524 and libbpf's own
/// numbers included), and they compare with std::errc.
inline std::error_category const& bpf_category() noexcept { return detail::the_error_category; }

/// `number` (an errno; the sign does not matter) as an error code; 0 is success.
inline std::error_code make_error(int number) noexcept { return {number < 0 ? -number : number, bpf_category()}; }

namespace detail {

// Whether what was refused may be granted later: a lack of descriptors or of memory passes, an old kernel and missing
// privileges stay.
inline bool may_pass(std::error_code why) noexcept {
  int const number = why.value();
  return number == EMFILE || number == ENFILE || number == ENOMEM || number == EAGAIN || number == EINTR;
}

}  // namespace detail

/// The symbolic name of an errno, such as "E2BIG"; "" for a number without one.
constexpr std::string_view errno_symbol(int number) noexcept {
  for (auto const& [known, name] : detail::errno_names) {
    if (known == number) return name;
  }
  return {};
}

/// A failed operation on a map, program or object.
///
/// A std::system_error whose text reads like
/// `insert_or_assign on 'flows' (hash, key 8, value 16): Argument list too long [E2BIG]: the map already
/// holds its 1024 entries`. Absence and presence are values, never errors.
class error : public std::system_error {
 public:
  /// @param code       what failed
  /// @param what       the function of bpfmap that the user called
  /// @param subject    what it was about, as text: `'flows' (hash, key 8, value 16)`
  /// @param map_name   the map's name, may be empty
  /// @param hint       what is probably wrong, may be empty
  error(std::error_code code, bpfmap::operation what, std::string_view subject, std::string map_name, std::string hint)
      : std::system_error(code),
        operation_(to_string(what)),
        map_name_(std::move(map_name)),
        hint_(std::move(hint)),
        text_(operation_) {
    if (!subject.empty()) text_.append(" on ").append(subject);
    text_.append(": ").append(code.message());
    if (auto const symbol = errno_symbol(code.value()); !symbol.empty()) {
      text_.append(" [").append(symbol).append("]");
    }
    if (!hint_.empty()) text_.append(": ").append(hint_);
  }

  /// The whole story in one line (more where a verifier log belongs to it).
  [[nodiscard]] char const* what() const noexcept override { return text_.c_str(); }
  /// The function that failed, such as "insert_or_assign".
  [[nodiscard]] std::string const& operation() const noexcept { return operation_; }
  /// The map's name, or that of the program or object; may be empty.
  [[nodiscard]] std::string const& map_name() const noexcept { return map_name_; }
  /// What is probably wrong, in words; may be empty.
  [[nodiscard]] std::string const& hint() const noexcept { return hint_; }

 private:
  std::string operation_;
  std::string map_name_;
  std::string hint_;
  std::string text_;
};

namespace detail {

// The one place that throws. With exceptions off it is declared but never called: the overloads that would
// call it do not exist.
[[noreturn, gnu::cold, gnu::noinline]] inline void raise(std::error_code code, operation what, std::string_view subject,
                                                         std::string map_name, std::string hint) {
#if BPFMAP_EXCEPTIONS
  throw error(code, what, subject, std::move(map_name), std::move(hint));
#else
  static_cast<void>(code), static_cast<void>(what), static_cast<void>(subject);
  static_cast<void>(map_name), static_cast<void>(hint);
  __builtin_unreachable();
#endif
}

// What an errno means for a value that names a kernel object; empty if it means nothing of the kind.
inline std::string_view object_hint(value_kind value, int number) {
  switch (value) {
    case value_kind::program:
      if (number == EBADF) return "the program is not loaded, or its descriptor was closed";
      if (number == EINVAL) return "this is no program, or not of the type (and kind) of those that use the map";
      return {};
    case value_kind::perf_event:
      if (number == EBADF) return "the descriptor was closed, or is no perf event's";
      if (number == EOPNOTSUPP) return "programs cannot read an event that children inherit (perf_event_attr::inherit)";
      return {};
    case value_kind::cgroup:
      if (number == EBADF) return "the descriptor was closed, or is not of a directory of a cgroup v2 hierarchy";
      return {};
    case value_kind::device:
      if (number == EBADF) return "the program is not loaded, or its descriptor was closed";
      if (number == EINVAL) {
        return "this network namespace has no interface with this index, or the program was not loaded for device maps "
               "(section xdp/devmap); to empty a slot, erase it";
      }
      return {};
    case value_kind::cpu_queue:
      if (number == EBADF) return "the program is not loaded, or its descriptor was closed";
      if (number == EINVAL) {  // of a program: Linux 7.2 and newer
        return "the queue size is 0 (to empty a slot, erase it), or the program was not loaded for CPU maps "
               "(section xdp/cpumap)";
      }
      if (number == ENOMEM) {
        return "the program is none or was not loaded for CPU maps (section xdp/cpumap), or the kernel is out of "
               "memory";
      }
      if (number == ENODEV) return "there is no such possible CPU";
      if (number == EOVERFLOW) return "a queue may hold 16384 frames at the most";
      return {};
    case value_kind::socket:
      if (number == EBADF) return "the socket was closed";
      if (number == ENOTSOCK) return "the descriptor is not a socket's";
      if (number == EINVAL) return "the socket is not bound, or has no SO_REUSEPORT";
      if (number == EBUSY) return "the socket is in a map already that allows no other";
      if (number == EOPNOTSUPP || number == enotsupp) {
        return "the map does not take such sockets, or not in this state (TCP: listening or established)";
      }
      return {};
    case value_kind::xsk:
      if (number == EBADF) return "the socket was closed";
      if (number == ENOTSOCK) return "the descriptor is not a socket's";
      if (number == EOPNOTSUPP) return "only AF_XDP sockets go in (older kernels: with memory and rings)";
      if (number == ENOBUFS) return "the socket has no ring to receive frames (XDP_RX_RING)";
      return {};
    default:
      return {};
  }
}

/// "an array", "a hash".
constexpr std::string_view article(std::string_view type) noexcept {
  return type.find_first_of("aei") == 0 ? "an " : "a ";
}
inline std::string with_article(std::string_view type) { return detail::join(article(type), type); }

inline std::string extract_hint(map_traits const& traits) {
  kernel_version const first = first_kernel(traits.type, &command_support::lookup_and_delete).value_or(traits.since);
  return detail::join("taking elements out of ", with_article(traits.name), " in one step needs Linux ", first.major,
                      ".", first.minor);
}

// What the key of a local storage must be a descriptor of.
inline std::string_view key_owner(map_type type) {
  switch (type) {
    case map_type::sk_storage:
      return "socket";
    case map_type::inode_storage:
      return "file";
    case map_type::task_storage:
      return "pidfd";
    default:
      return "cgroup directory";
  }
}

// What an errno of an element command means for a map of this type, as far as one sentence can tell.
inline std::string element_hint(map_traits const& traits, operation what, int number, std::uint64_t max_entries,
                                access opened_for = access::read_write) {
  operation_traits const& done = row_of(what);
  if (done.stores) {
    if (std::string_view const hint = object_hint(traits.value, number); !hint.empty()) return std::string(hint);
  }
  switch (number) {
    case E2BIG:
    case ENOSPC:
      if (number != traits.errnos.full) break;
      if (traits.key == key_kind::index) {
        return detail::join("the index is out of range: the map has ", max_entries, " entries");
      }
      return detail::join("the map already holds its ", max_entries, " entries");
    case EPERM:
    case EACCES:
      if (done.writes && opened_for == access::read_only) return "the map was opened read-only";
      if (done.reads && opened_for == access::write_only) return "the map was opened write-only";
      return done.writes ? "the map is frozen, or CAP_BPF is missing" : "CAP_BPF is missing";
    case EBADF:
      if (traits.key == key_kind::fd) return detail::join("the key is no open ", key_owner(traits.type));
      return "the file descriptor was closed, or is none";
    case ENOTSOCK:
      return "the key is not a socket";
    case ESRCH:
      return "no task has this number";
    case ENOENT:
      if (traits.key == key_kind::cgroup) {
        return "user space adds no elements here: they appear when a program that uses the map is attached to the "
               "cgroup";
      }
      if (traits.type == map_type::task_storage) return "the task has ended";
      return {};
    case EINVAL:
      if (what == operation::extract) return extract_hint(traits);
      return {};
    case enotsupp:
    case EOPNOTSUPP:
      if (what == operation::extract) return extract_hint(traits);
      if (what == operation::size) {
        return detail::join("only the kernel's own counter tells how much is in ", with_article(traits.name),
                            ", and reading it needs CAP_BPF, CAP_PERFMON and a kernel with BTF");
      }
      return detail::join("the running kernel does not do this on ", with_article(traits.name));
    case EBUSY:
    case EDEADLK:
    case ETIMEDOUT:
      return "the bucket's lock was held by an interrupted program: try again";
    case ENOMEM:
      return "the kernel or this process is out of memory (or of its cgroup's allowance)";
    case ENODEV:
      return "this machine has no such CPU";
    case ERANGE:
      return "no set of per-CPU slots reduces to this value";
    case ELOOP:
      return "the map changed so much during the walk by keys that it would not end: try again, or on a "
             "kernel with BPF_MAP_LOOKUP_BATCH";
    default:
      break;
  }
  return {};
}

}  // namespace detail

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
