// SPDX-License-Identifier: MIT
#ifndef BPFMAP_MAPS_STRUCT_OPS_HPP
#define BPFMAP_MAPS_STRUCT_OPS_HPP

// Programs in the place of functions of the kernel: struct_ops, and struct_ops_link, which keeps them registered.

#include <cerrno>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/engine/map_handle.hpp>
#include <bpfmap/engine/per_cpu.hpp>
#include <bpfmap/kernel/fd.hpp>
#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// Where a struct_ops is in its life: the kernel's enum bpf_struct_ops_state.
enum class struct_ops_state : std::uint32_t {
  init = 0,         ///< created: its functions are not set yet
  in_use = 1,       ///< registered, without a link
  to_be_freed = 2,  ///< registration is taken back: it cannot be registered again
  ready = 3         ///< may be registered by links, or is
};

/// What struct_ops::status() gives.
struct struct_ops_status {
  struct_ops_state state = struct_ops_state::init;
  std::uint32_t users = 0;  ///< how often the kernel itself uses it: registrations, sockets, …
};

class struct_ops;

/// Keeps a struct_ops registered: it is taken back when this is destroyed. Move-only.
class struct_ops_link {
 public:
  struct_ops_link() = default;
  struct_ops_link(struct_ops_link&& other) noexcept : fd_(std::move(other.fd_)), is_link_(other.is_link_) {}
  struct_ops_link& operator=(struct_ops_link&& other) noexcept {
    if (this != &other) {
      detach();
      fd_ = std::move(other.fd_);
      is_link_ = other.is_link_;
    }
    return *this;
  }
  ~struct_ops_link() { detach(); }

  /// Whether something is registered by it.
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(fd_); }
  /// The descriptor of the BPF link, still owned; of a struct_ops without links, of the map; -1 if empty.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  /// Puts `next` in the place of what is registered, in one step. BPF_LINK_UPDATE, Linux 6.4.
  /// @errors EINVAL one of the two maps was created without map_flags::link, or they are not of one kind (and, for
  ///         congestion controls, of one name); EBADF one of the two is empty
  /// @cost some system calls
  inline void update(struct_ops const& next, std::error_code& ec) noexcept;
#if BPFMAP_EXCEPTIONS
  inline void update(struct_ops const& next);
#else
  // Not there, and says why.
  template <class... A>
  void update(A&&...)
    requires throwing<>;
#endif

  /// Takes the registration back now. What uses it already (sockets of a congestion control) goes on using it.
  void detach() noexcept {
    // Closing does it for a link; a map without links keeps itself registered, also beyond this process.
    if (std::uint32_t const key = 0; fd_ && !is_link_) static_cast<void>(sys::map_delete(fd_.get(), &key));
    fd_.reset();
  }

 private:
  friend struct_ops;

  struct_ops_link(unique_fd fd, bool is_link) noexcept : fd_(std::move(fd)), is_link_(is_link) {}

  unique_fd fd_;
  bool is_link_ = false;
};

/// BPF_MAP_TYPE_STRUCT_OPS, Linux 5.6: one struct of functions of the kernel (struct tcp_congestion_ops, …), which are
/// BPF programs.
///
/// It is created with the object that the programs are in. Registering it makes the kernel use it. With
/// map_flags::link (Linux 6.4; section ".struct_ops.link" of libbpf 1.2, or bpf_map__set_map_flags before load())
/// registrations are BPF links, which can be updated and do not outlive the process.
/// @code
/// auto cubic = object.map<bpfmap::struct_ops>("my_cubic");
/// bpfmap::struct_ops_link registered = cubic.attach();
/// registered.update(object.map<bpfmap::struct_ops>("my_better_cubic"));
/// @endcode
class struct_ops : public typed_map<struct_ops, map_type::struct_ops> {
  using base = typed_map<struct_ops, map_type::struct_ops>;

 public:
  /// A struct_ops of a libbpf object, which must be loaded, and stay there until attach() was called: libbpf has the
  /// addresses of the functions.
  static struct_ops bind(::bpf_map const* map, std::error_code& ec) noexcept {
    struct_ops made = base::bind(map, ec);
    if (made) made.of_libbpf_ = map;
    return made;
  }
#if BPFMAP_EXCEPTIONS
  static struct_ops bind(::bpf_map const* map) {
    struct_ops made = base::bind(map);
    made.of_libbpf_ = map;
    return made;
  }
#endif

  /// Whether registrations are links: the map has map_flags::link.
  [[nodiscard]] bool by_link() const noexcept { return (info().flags & map_flags::link) != 0; }

  /// Where it is in its life, and how much the kernel uses it. BPF_MAP_LOOKUP_ELEM.
  /// @errors EPERM; ENOMEM
  /// @cost one system call; an allocation, the first time in a thread
  [[nodiscard]] struct_ops_status status(std::error_code& ec) const noexcept {
    if (!*this) {
      ec = make_error(EBADF);
      return {};
    }
    detail::scratch const value(info().value_size);
    std::uint32_t const key = 0;
    ec = code_of(value.data() == nullptr ? -ENOMEM : sys::map_lookup(fd(), &key, value.data()));
    if (ec) return {};
    // struct bpf_struct_ops_common_value, with which the value begins.
    struct {
      std::uint32_t users;
      struct_ops_state state;
    } common{};
    std::memcpy(&common, value.data(), sizeof common);
    return {common.state, common.users};
  }

  /// Registers it. BPF_MAP_UPDATE_ELEM; with links also BPF_LINK_CREATE.
  /// @errors EEXIST one of this name is registered; EBUSY this one is, without a link; EINVAL the kernel refuses the
  ///         struct (a function or the name is missing), or it was not opened by bind() and nobody has attached it
  ///         before; EPERM; EBADF this object is empty
  /// @cost some system calls
  [[nodiscard]] struct_ops_link attach(std::error_code& ec) const noexcept {
    if (!*this) {
      ec = make_error(EBADF);
      return {};
    }
    unique_fd registered = by_link() ? make_ready(ec) : unique_fd::duplicate(fd(), ec);
    if (ec) return {};
    if (!by_link()) {
      ::bpf_link* const made = let_libbpf_attach(ec);
      if (ec) return {};
      sys::free_link_only(made);  // it stays registered: that is our link's to take back
    } else if (!registered) {
      registered.reset(sys::struct_ops_link_create(fd()));
      ec = registered ? std::error_code{} : make_error(errno);
      if (ec) return {};
    }
    return {std::move(registered), by_link()};
  }

#if BPFMAP_EXCEPTIONS
  [[nodiscard]] struct_ops_status status() const {
    std::error_code ec;
    struct_ops_status const found = status(ec);
    if (ec) fail(operation::status, -ec.value());
    return found;
  }
  [[nodiscard]] struct_ops_link attach() const {
    std::error_code ec;
    struct_ops_link made = attach(ec);
    if (ec) fail(operation::attach, ec, attach_hint(ec.value()));
    return made;
  }
#else
  // Not there, and say why.
  template <class... A>
  struct_ops_status status(A&&...) const
    requires throwing<>;
  template <class... A>
  struct_ops_link attach(A&&...) const
    requires throwing<>;
#endif

  // Near misses. They never compile, and say why.
  template <class Never = void>
  static struct_ops create(create_options const&)
    requires because<!std::same_as<Never, void>,
                     "a struct_ops holds programs: it is created with the object that they are in, see object::map()">;
  template <class Never = void>
  static struct_ops create(create_options const&, std::error_code&)
    requires because<!std::same_as<Never, void>,
                     "a struct_ops holds programs: it is created with the object that they are in, see object::map()">;

 private:
  friend base;
  friend struct_ops_link;

  // The size is that of the kernel's struct, whichever it is.
  static detail::map_expectation expectation() noexcept {
    return {.type = map_type::struct_ops, .key_size = 4, .value_size = detail::any_size, .flags = 0};
  }

  [[nodiscard]] ::bpf_link* let_libbpf_attach(std::error_code& ec) const noexcept {
    ::bpf_link* const made = of_libbpf_ == nullptr ? nullptr : sys::struct_ops_attach(of_libbpf_);
    ec = made != nullptr ? std::error_code{} : make_error(of_libbpf_ == nullptr ? EINVAL : errno);
    return made;
  }

  // Makes links possible: gives the kernel the functions, which only libbpf can. From 1.2 on libbpf makes a link, too,
  // when it does that: it is returned.
  unique_fd make_ready(std::error_code& ec) const noexcept {
    unique_fd link;
    if (status(ec).state == struct_ops_state::ready || ec) return link;
    std::error_code refused;
    if (::bpf_link* const made = let_libbpf_attach(refused); !refused) {
      if (sys::fd_of(made) != sys::fd_of(of_libbpf_)) link = unique_fd::duplicate(sys::fd_of(made), ec);
      sys::free_link(made);
    }
    // It may have been made ready, and only the link have failed.
    if (refused && status(ec).state != struct_ops_state::ready && !ec) ec = refused;
    return link;
  }

  [[nodiscard]] std::string attach_hint(int number) const {
    switch (number) {
      case EEXIST:
        return "one of this name is registered already";
      case EBUSY:
        return "it is registered already";
      case EINVAL:
        return of_libbpf_ == nullptr ? "only libbpf knows its functions: open it by bind(), or object::map()"
                                     : "the kernel refuses the struct: a function or its name is missing";
      case EPERM:
        return "registering needs CAP_BPF, and what the struct itself demands (CAP_NET_ADMIN): run as root";
      default:
        return {};
    }
  }

  ::bpf_map const* of_libbpf_ = nullptr;
};

inline void struct_ops_link::update(struct_ops const& next, std::error_code& ec) noexcept {
  if (!*this || !next) {
    ec = make_error(EBADF);
    return;
  }
  if (!is_link_ || !next.by_link()) {
    ec = make_error(EINVAL);
    return;
  }
  {
    unique_fd const unwanted = next.make_ready(ec);
    if (ec) return;
  }
  int const result = sys::struct_ops_link_update(fd(), next.fd());
  ec = result < 0 ? make_error(result) : std::error_code{};
}

#if BPFMAP_EXCEPTIONS
inline void struct_ops_link::update(struct_ops const& next) {
  std::error_code ec;
  update(next, ec);
  if (!ec) return;
  std::string hint;
  if (ec.value() == EINVAL) {
    hint = !is_link_ || !next.by_link()
               ? "only struct_ops created with map_flags::link can be put in each other's place"
               : "it must be of the kind (and name) of what is registered";
  }
  next.fail(operation::update, ec, std::move(hint));
}
#endif

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
