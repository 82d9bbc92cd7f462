// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_MAP_HANDLE_HPP
#define BPFMAP_ENGINE_MAP_HANDLE_HPP

// What every map can do, whatever its type: own a descriptor, tell about itself, be pinned and frozen; and,
// for the typed classes, the ways to get one.

#include <cerrno>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/cstring.hpp>
#include <bpfmap/core/error.hpp>
#include <bpfmap/engine/map_info.hpp>
#include <bpfmap/engine/pin_hint.hpp>
#include <bpfmap/kernel/fd.hpp>
#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// Owns a map's descriptor and knows what the map is, of whatever type. Move-only; empty when default-constructed,
/// moved from, or when an error code was given for it. Operations on an empty one fail with EBADF.
///
/// The typed classes have all that it has, but are none: what they know of their map would not hold for another.
///
/// May be used from many threads at once; moving or destroying it meanwhile is the caller's error.
class map_handle {
 public:
  map_handle() = default;
  map_handle(map_handle&& other) noexcept : fd_(std::move(other.fd_)), info_(std::exchange(other.info_, map_info{})) {}
  map_handle& operator=(map_handle&& other) noexcept {
    map_handle taken(std::move(other));
    std::swap(fd_, taken.fd_);
    std::swap(info_, taken.info_);
    return *this;
  }

  /// Any map, of any type: takes a duplicate of `fd`.
  /// @errors EBADF not open; EINVAL not a map; EMFILE
  /// @cost three system calls
  static map_handle from_fd(int fd, std::error_code& ec) noexcept { return adopt(unique_fd::duplicate(fd, ec), ec); }

  /// Any map, of any type: takes `fd` over, also if it fails, as of release().
  /// @errors EBADF not open; EINVAL not a map
  /// @cost two system calls
  static map_handle from_fd(unique_fd fd, std::error_code& ec) noexcept {
    ec.clear();
    return adopt(std::move(fd), ec);
  }

  /// Whether there is a map.
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(fd_); }
  /// The descriptor, still owned; -1 if empty.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// Gives the descriptor away, to one that owns it; this object is empty then.
  /// @code
  /// auto flows = bpfmap::hash<flow_key, flow_stats>::from_fd(handle.release());
  /// @endcode
  [[nodiscard]] unique_fd release() noexcept {
    info_ = {};
    return std::move(fd_);
  }

  /// Whether the descriptor may read and write: that of an open_pinned() or from_id() for reading, or of others that
  /// was opened so, may not. (A map that is frozen is another matter.)
  /// @cost one system call
  [[nodiscard]] access access_mode() const noexcept {
    int const flags = ::fcntl(fd(), F_GETFL);
    if (flags < 0) return access::read_write;
    return (flags & O_ACCMODE) == O_RDONLY   ? access::read_only
           : (flags & O_ACCMODE) == O_WRONLY ? access::write_only
                                             : access::read_write;
  }

  /// What the map is; read when it was opened, never again.
  [[nodiscard]] map_info const& info() const noexcept { return info_; }
  /// The name in the kernel: at most 15 characters, may be empty.
  [[nodiscard]] std::string_view name() const noexcept { return info_.name(); }
  /// The kernel's id of the map.
  [[nodiscard]] std::uint32_t id() const noexcept { return info_.id; }
  /// How many elements it can hold.
  [[nodiscard]] std::uint64_t max_size() const noexcept { return info_.max_entries; }

  /// Makes the map live at `path`, in a bpffs, after all descriptors are closed. BPF_OBJ_PIN, Linux 4.4.
  /// @errors EEXIST there is something; ENOENT no such directory; EPERM no bpffs, or no CAP_BPF
  /// @cost one system call
  void pin(cstring_view path, std::error_code& ec) const noexcept {
    ec = code_of(*this ? sys::object_pin(fd(), path.c_str()) : -EBADF);
  }

  /// Removes the pin at `path`, if it is this map's; the map lives on while it has other users.
  /// @errors ENOENT there is none; ESTALE it is another map's; EINVAL it is no map's
  /// @cost five system calls
  void unpin(cstring_view path, std::error_code& ec) const noexcept {
    if (!*this) {
      ec = make_error(EBADF);
      return;
    }
    unique_fd const pinned(sys::object_get(path.c_str()));
    if (!pinned) {
      ec = make_error(errno);
      return;
    }
    map_info const other = map_info::read(pinned.get(), ec);
    if (ec) return;
    if (other.id != id())
      ec = make_error(ESTALE);
    else if (::unlink(path.c_str()) != 0)
      ec = make_error(errno);
  }

  /// Makes the map read-only for user space, for ever; programs still write it. BPF_MAP_FREEZE, Linux 5.2.
  /// @errors EBUSY it is mapped writable; EPERM it is frozen already (on Linux 5.10 and 6.1: EBUSY), or the
  ///         descriptor is read-only (on 5.10 and 6.1: no error); 524 not for this type, or not with a bpf_spin_lock or
  ///         timer in the value
  /// @cost one system call
  void freeze(std::error_code& ec) const noexcept { ec = code_of(sys::map_freeze(fd())); }

  /// The bytes of kernel memory that the map takes, as /proc/self/fdinfo tells: exact since Linux 6.4, an
  /// estimate before.
  /// @errors ENOENT no /proc; ENODATA the kernel does not tell
  /// @cost four system calls
  [[nodiscard]] std::uint64_t memory_usage(std::error_code& ec) const noexcept {
    char path[64];
    static_cast<void>(std::snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd()));
    std::FILE* const file = std::fopen(path, "re");
    if (file == nullptr) {
      ec = make_error(fd() < 0 ? EBADF : errno);
      return 0;
    }
    std::uint64_t bytes = 0;
    bool found = false;
    for (char line[128]; !found && std::fgets(line, sizeof line, file) != nullptr;) {
      found = std::sscanf(line, "memlock: %" SCNu64, &bytes) == 1;
    }
    std::fclose(file);
    ec = found ? std::error_code{} : make_error(ENODATA);
    return bytes;
  }

#if BPFMAP_EXCEPTIONS
  static map_handle from_fd(int fd) {
    std::error_code ec;
    map_handle handle = from_fd(fd, ec);
    if (ec) detail::raise(ec, operation::from_fd, detail::join("fd ", fd), {}, fd_hint(ec.value()));
    return handle;
  }
  static map_handle from_fd(unique_fd fd) {
    std::error_code ec;
    int const number = fd.get();
    map_handle handle = from_fd(std::move(fd), ec);
    if (ec) detail::raise(ec, operation::from_fd, detail::join("fd ", number), {}, fd_hint(ec.value()));
    return handle;
  }
  void pin(cstring_view path) const {
    std::error_code ec;
    pin(path, ec);
    if (ec) fail(operation::pin, ec, detail::join("path '", path.c_str(), "'", detail::pin_hint(path, ec.value())));
  }
  void unpin(cstring_view path) const {
    std::error_code ec;
    unpin(path, ec);
    if (ec) fail(operation::unpin, ec, detail::join("path '", path.c_str(), "'", detail::pin_hint(path, ec.value())));
  }
  void freeze() const {
    std::error_code ec;
    freeze(ec);
    if (ec) fail(operation::freeze, ec, freeze_hint(ec.value(), access_mode()));
  }
  [[nodiscard]] std::uint64_t memory_usage() const {
    std::error_code ec;
    std::uint64_t const bytes = memory_usage(ec);
    if (ec) fail(operation::memory_usage, ec, {});
    return bytes;
  }
#else
  // Not there, and say why.
  template <class... A>
  static map_handle from_fd(A&&...)
    requires throwing<>;
  template <class... A>
  void pin(A&&...) const
    requires throwing<>;
  template <class... A>
  void unpin(A&&...) const
    requires throwing<>;
  template <class... A>
  void freeze(A&&...) const
    requires throwing<>;
  template <class... A>
  std::uint64_t memory_usage(A&&...) const
    requires throwing<>;
#endif

  /// `'flows' (hash, key 8, value 16)`, for messages.
  [[nodiscard]] std::string description() const {
    if (!*this) return "an empty map object";
    return detail::join("'", name(), "' (", detail::type_text(info_.type), ", key ", info_.key_size, ", value ",
                        info_.value_size, ")");
  }

 protected:
  // An `ec` that is set already is why there is no `fd`.
  static map_handle adopt(unique_fd fd, std::error_code& ec, bool surely_a_map = false) noexcept {
    map_handle handle;
    if (!fd) {
      if (!ec) ec = make_error(EBADF);
      return handle;
    }
    handle.info_ = map_info::read(fd.get(), ec, surely_a_map);
    if (ec) return {};
    handle.fd_ = std::move(fd);
    return handle;
  }

  static std::error_code code_of(int result) noexcept { return result < 0 ? make_error(result) : std::error_code{}; }

  [[noreturn, gnu::cold, gnu::noinline]] void fail(operation what, std::error_code ec, std::string hint) const {
    detail::raise(ec, what, description(), std::string(name()), std::move(hint));
  }
  // For element commands: `result` is libbpf's.
  [[noreturn, gnu::cold, gnu::noinline]] void fail(operation what, int result) const {
    int const number = result < 0 ? -result : result;
    fail(what, make_error(number), element_hint(what, number));
  }

  [[nodiscard]] std::string element_hint(operation what, int number) const {
    return element_hint(what, number, info_.max_entries);
  }
  [[nodiscard]] std::string element_hint(operation what, int number, std::uint64_t max_entries) const {
    return detail::element_hint(traits_of(info_.type), what, number, max_entries, access_mode());
  }

  // From libbpf's result to what the user gets: true for 0, false for the errno `no` (0: there is none), and
  // an error for the rest.
  static bool judge(int result, int no, std::error_code& ec) noexcept {
    ec = result == 0 || (no != 0 && result == -no) ? std::error_code{} : make_error(result);
    return result == 0;
  }
  bool judge(int result, int no, operation what) const {
    if (result != 0 && (no == 0 || result != -no)) [[unlikely]]
      fail(what, result);
    return result == 0;
  }

  static std::string fd_hint(int number) {
    switch (number) {
      case EBADF:
        return "the descriptor is not open";
      case EINVAL:
        return "the descriptor is not a BPF map's";
      case EPERM:
        return "reading what a map is needs CAP_BPF on this kernel";
      case EMFILE:
        return "the process has too many descriptors open (RLIMIT_NOFILE)";
      default:
        return {};
    }
  }

 private:
  static std::string freeze_hint(int number, access opened_for) {
    switch (number) {
      case EBUSY:
        return "a writable mapping of the map exists, or it is frozen already";
      case EPERM:
        return opened_for == access::read_only ? "the map was opened read-only" : "the map is frozen already";
      case enotsupp:
        return "maps of this type, or with a bpf_spin_lock or timer in the value, cannot be frozen";
      default:
        return {};
    }
  }

  unique_fd fd_;
  map_info info_;
};

namespace detail {

// What BPF_OBJ_GET and BPF_MAP_GET_FD_BY_ID are asked for.
constexpr std::uint32_t open_flags(access how) noexcept {
  return how == access::read_only    ? map_flags::rdonly
         : how == access::write_only ? map_flags::wronly
                                     : std::uint32_t{0};
}

/// One of bpfmap's classes of maps.
template <class Map>
concept map_class = std::is_base_of_v<map_handle, Map>;

}  // namespace detail

/// The ways to get a map of one class. `Derived` tells what it expects by a static `expectation()`, and may
/// prepare itself in `open(ec, why)` after the map has passed.
template <class Derived, map_type Type>
class typed_map : protected map_handle {
 public:
  // Not a public base: through a map_handle& a map of any type could be assigned, past all checks.
  using map_handle::access_mode;
  using map_handle::description;
  using map_handle::fd;
  using map_handle::freeze;
  using map_handle::id;
  using map_handle::info;
  using map_handle::max_size;
  using map_handle::memory_usage;
  using map_handle::name;
  using map_handle::pin;
  using map_handle::unpin;
  using map_handle::operator bool;

  using size_type = std::uint64_t;
  static constexpr map_type type = Type;
  static constexpr map_traits const& traits = traits_of(Type);

  /// Creates a new map. BPF_MAP_CREATE, since the kernel that traits.since tells.
  /// @errors EINVAL wrong options (the error lists them), or the kernel is too old; EPERM no CAP_BPF; E2BIG
  ///         too large; ENOMEM
  /// @cost three system calls and what the kernel allocates
  /// @code
  /// auto flows = bpfmap::hash<flow_key, flow_stats>::create({.name = "flows", .max_entries = 65536});
  /// @endcode
  static Derived create(create_options const& options, std::error_code& ec) noexcept(Derived::nothrow_create) {
    return create_checked(options, ec, nullptr);
  }
  static Derived create(create_options const& options)
    requires throwing<>
  {
    std::error_code ec;
    std::string why;
    Derived made = create_checked(options, ec, &why);
    if (ec)
      raise_opening(operation::create, ec, detail::join("'", options.name.c_str(), "'"), options.name.c_str(), why);
    return made;
  }

  /// A map of a libbpf object or skeleton, which must be loaded. Duplicates the descriptor: the map outlives
  /// the object.
  /// @errors EINVAL the pointer is null, or the map is not what this class is (the error lists every
  ///         difference); EBADF the object is not loaded
  /// @cost four system calls
  static Derived bind(::bpf_map const* map, std::error_code& ec) noexcept { return bind_checked(map, ec, nullptr); }
  static Derived bind(::bpf_map const* map)
    requires throwing<>
  {
    std::error_code ec;
    std::string why;
    Derived made = bind_checked(map, ec, &why);
    if (ec) {
      std::string const name = map == nullptr ? "" : sys::name_of(map);
      raise_opening(operation::bind, ec, map == nullptr ? "a null pointer" : detail::join("'", name, "'"), name, why);
    }
    return made;
  }

  /// A map by a descriptor: a number is duplicated, what owns one (release() gives such) is taken over, also on
  /// failure.
  /// @errors EBADF not open; EINVAL not a map, or not of this class (the error lists every difference)
  static Derived from_fd(int fd, std::error_code& ec) noexcept { return from_fd_checked(fd, ec, nullptr); }
  static Derived from_fd(unique_fd fd, std::error_code& ec) noexcept {
    return finish(map_handle::from_fd(std::move(fd), ec), ec, nullptr);
  }
  static Derived from_fd(int fd)
    requires throwing<>
  {
    std::error_code ec;
    std::string why;
    Derived made = from_fd_checked(fd, ec, &why);
    if (ec) raise_opening(operation::from_fd, ec, detail::join("fd ", fd), {}, why);
    return made;
  }
  static Derived from_fd(unique_fd fd)
    requires throwing<>
  {
    std::error_code ec;
    std::string why;
    int const number = fd.get();
    Derived made = finish(map_handle::from_fd(std::move(fd), ec), ec, &why);
    if (ec) raise_opening(operation::from_fd, ec, detail::join("fd ", number), {}, why);
    return made;
  }

  /// Gives the descriptor away, to one that owns it; this object is empty then, and what it held of the kernel for its
  /// map (programs, memory) is gone.
  /// @code
  /// auto again = bpfmap::hash<flow_key, flow_stats>::from_fd(flows.release());
  /// int const number = flows.release().release();  // the caller closes it
  /// @endcode
  [[nodiscard]] unique_fd release() noexcept {
    Derived taken(std::move(static_cast<Derived&>(*this)));
    return static_cast<map_handle&>(taken).release();
  }

  /// A map by the kernel's id. BPF_MAP_GET_FD_BY_ID, Linux 4.13; needs CAP_SYS_ADMIN.
  /// @param how  what it is opened for, as of open_pinned()
  /// @errors ENOENT no such map; EPERM no CAP_SYS_ADMIN; EINVAL not of this class; EOPNOTSUPP libbpf 1.0 opens by id
  /// for
  ///         reading and writing only
  static Derived from_id(std::uint32_t id, access how, std::error_code& ec) noexcept {
    return from_id_checked(id, how, ec, nullptr);
  }
  static Derived from_id(std::uint32_t id, std::error_code& ec) noexcept { return from_id(id, access::read_write, ec); }
  static Derived from_id(std::uint32_t id, access how = access::read_write)
    requires throwing<>
  {
    std::error_code ec;
    std::string why;
    Derived made = from_id_checked(id, how, ec, &why);
    if (ec) raise_opening(operation::from_id, ec, detail::join("id ", id), {}, why);
    return made;
  }

  /// A pinned map. BPF_OBJ_GET, Linux 4.4; for reading or writing alone, 4.15.
  ///
  /// For access::read_only the pin need only be readable (mode 0444), and no capability is asked for to look elements
  /// up and to walk: a program without privileges shows what another one counts. What would write fails with EPERM
  /// then, and a map cannot be mapped into memory: open an `array` without mmapable.
  /// @param how  what it is opened for
  /// @errors ENOENT nothing there; EINVAL no map, or not of this class; EPERM; EACCES the pin's mode does not allow it
  /// @code
  /// auto const counts = bpfmap::hash<key, count>::open_pinned("/sys/fs/bpf/counts", bpfmap::access::read_only);
  /// @endcode
  static Derived open_pinned(cstring_view path, access how, std::error_code& ec) noexcept {
    return open_pinned_checked(path, how, ec, nullptr);
  }
  static Derived open_pinned(cstring_view path, std::error_code& ec) noexcept {
    return open_pinned(path, access::read_write, ec);
  }
  static Derived open_pinned(cstring_view path, access how = access::read_write)
    requires throwing<>
  {
    std::error_code ec;
    std::string why;
    Derived made = open_pinned_checked(path, how, ec, &why);
    if (ec) raise_opening(operation::open_pinned, ec, detail::join("'", path.c_str(), "'"), {}, why);
    return made;
  }

  /// A second object for the same map.
  /// @errors EMFILE
  [[nodiscard]] Derived clone(std::error_code& ec) const noexcept { return clone_checked(ec, nullptr); }
  [[nodiscard]] Derived clone() const
    requires throwing<>
  {
    std::error_code ec;
    std::string why;
    Derived made = clone_checked(ec, &why);
    if (ec) this->fail(operation::clone, ec, why);
    return made;
  }

  /// How a map differs from what this class needs, as text that lists everything; empty if it fits. For
  /// programs without exceptions, which get only EINVAL from the functions above.
  [[nodiscard]] static std::string differences(map_info const& info) {
    return detail::differences(Derived::expectation(), info);
  }

 protected:
  // Nothing to adjust or prepare, unless Derived says so. `why` is null where nobody will read it: then these
  // and the functions below must not throw, because a noexcept overload is the caller.
  void open(std::error_code&, std::string*) {}
  // Whether adjust() cannot throw: where it asks the user's code, that may.
  static constexpr bool nothrow_create = true;
  static void adjust(create_options&, std::error_code&, std::string*) {}
  static std::string creation_hint(create_options const& options, int number) {
    return detail::creation_hint(Derived::expectation(), options, number);
  }
  // BTF of key and value, for types that the kernel does not create without: kept open until the map has it.
  static unique_fd describe(create_options&, std::error_code&, std::string*) { return {}; }

 private:
  static Derived create_checked(create_options options, std::error_code& ec, std::string* why) {
    ec.clear();
    Derived::adjust(options, ec, why);
    if (ec) return {};
    unique_fd const btf = Derived::describe(options, ec, why);
    if (ec) return {};
    detail::map_expectation const wanted = Derived::expectation();
    // libbpf would cut a long name without a word, and an empty one for an old kernel.
    if (!detail::valid_name(options.name)) {
      ec = make_error(EINVAL);
    } else {
      unique_fd fd(
          sys::map_create({.type = Type,
                           .name = options.name.c_str(),
                           .key_size = wanted.key_size,
                           .value_size = wanted.value_size,
                           .max_entries = options.max_entries,
                           .flags = options.flags | wanted.flags | (options.numa_node ? map_flags::numa_node : 0),
                           .numa_node = options.numa_node.value_or(0),
                           .map_extra = options.map_extra,
                           .btf_fd = options.btf_fd,
                           .btf_key_type_id = options.btf_key_type_id,
                           .btf_value_type_id = options.btf_value_type_id,
                           .inner_map_fd = options.inner_map_fd}));
      if (fd) return finish(adopt(std::move(fd), ec, true), ec, why);
      ec = make_error(errno);
    }
    if (why != nullptr) *why = Derived::creation_hint(options, ec.value());
    return {};
  }

  static Derived bind_checked(::bpf_map const* map, std::error_code& ec, std::string* why) {
    int const fd = map == nullptr ? -EINVAL : sys::fd_of(map);
    if (fd >= 0) return from_fd_checked(fd, ec, why);
    ec = make_error(map == nullptr ? EINVAL : EBADF);
    if (why != nullptr) {
      *why = map == nullptr ? "there is no such map" : "the object that it belongs to is not loaded";
    }
    return {};
  }

  static Derived from_fd_checked(int fd, std::error_code& ec, std::string* why) {
    return finish(map_handle::from_fd(fd, ec), ec, why);
  }

  static Derived from_id_checked(std::uint32_t id, access how, std::error_code& ec, std::string* why) {
    unique_fd fd(sys::map_fd_by_id(id, detail::open_flags(how)));
    if (fd) return finish(adopt(std::move(fd), ec), ec, why);
    ec = make_error(errno);
    if (why != nullptr) {
      *why = ec.value() == EPERM ? "opening maps by id needs CAP_SYS_ADMIN" : "no map has this id (now)";
    }
    return {};
  }

  static Derived open_pinned_checked(cstring_view path, access how, std::error_code& ec, std::string* why) {
    unique_fd fd(sys::object_get(path.c_str(), detail::open_flags(how)));
    if (fd) return finish(adopt(std::move(fd), ec), ec, why);
    ec = make_error(errno);
    if (why != nullptr) *why = detail::join("the path", detail::pin_hint(path, ec.value()));
    return {};
  }

  Derived clone_checked(std::error_code& ec, std::string* why) const {
    return finish(map_handle::from_fd(fd(), ec), ec, why);
  }

  static Derived finish(map_handle handle, std::error_code& ec, std::string* why) {
    if (ec) {
      if (why != nullptr) *why = map_handle::fd_hint(ec.value());
      return {};
    }
    if (!detail::fits(Derived::expectation(), handle.info())) {
      ec = make_error(EINVAL);
      if (why != nullptr)
        *why = detail::join("the map ", handle.description(), " does not fit: ", differences(handle.info()));
      return {};
    }
    Derived made;
    static_cast<map_handle&>(made) = std::move(handle);
    made.open(ec, why);
    if (ec) return {};
    return made;
  }

  [[noreturn, gnu::cold, gnu::noinline]] static void raise_opening(operation what, std::error_code ec,
                                                                   std::string const& subject, std::string name,
                                                                   std::string const& why) {
    detail::raise(ec, what, detail::join(subject, " as ", traits.name), std::move(name), why);
  }
};

}  // namespace bpfmap::inline BPFMAP_ABI

// Others write the map meanwhile: size() is not how many elements a walk gives, and may cost a walk itself.
template <class Map>
  requires bpfmap::detail::map_class<Map>
inline constexpr bool std::ranges::disable_sized_range<Map> = true;

#endif
