// SPDX-License-Identifier: MIT
#ifndef BPFMAP_OBJECTS_OBJECT_HPP
#define BPFMAP_OBJECTS_OBJECT_HPP

// A BPF object file: opened, its programs and maps chosen and adjusted, loaded, and used.

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/cstring.hpp>
#include <bpfmap/core/error.hpp>
#include <bpfmap/core/sizing.hpp>
#include <bpfmap/kernel/memory.hpp>
#include <bpfmap/kernel/sys.hpp>
#include <bpfmap/objects/global.hpp>
#include <bpfmap/objects/helpers.hpp>
#include <bpfmap/objects/libbpf_log.hpp>
#include <bpfmap/objects/machine.hpp>
#include <bpfmap/objects/object_map.hpp>
#include <bpfmap/objects/program.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// How an object is opened.
struct open_options {
  cstring_view name = {};            ///< the object's name; empty: the file's, or "object" for bytes
  std::size_t verifier_log = 65536;  ///< bytes to keep of the kernel's log of a refused program; 0: none
  cstring_view btf_path = {};        ///< BTF of the kernel for CO-RE, where the kernel itself has none
};

namespace detail {

template <class M>
concept bindable_map = because<requires(::bpf_map const* map, std::error_code& ec) {
  { M::bind(map, ec) } -> std::same_as<M>;
}, "map<M> makes a typed map, such as bpfmap::hash<Key, Value>, by M::bind()">;

}  // namespace detail

/// A BPF object file and what it becomes in the kernel. Move-only; programs and maps that nothing else holds go
/// with it. For one thread at a time.
/// @code
/// auto object = bpfmap::object::open("tool.bpf.o");
/// object.autoload_only({"on_open", "on_close"});
/// object.load();
/// auto hits = object.map<bpfmap::percpu_hash<std::uint32_t, std::uint64_t>>("hits");
/// auto link = object.program("on_open").attach();
/// @endcode
class object {
 public:
  object() = default;

  /// Reads an object file.
  /// @errors ENOENT, EACCES, EISDIR no such file; 4000 and 4001 no ELF file, or none for BPF; EINVAL, ENOTSUP no maps
  /// or
  ///         BTF that libbpf understands; ENOMEM
  static object open(cstring_view path, open_options const& options, std::error_code& ec) noexcept {
    // libbpf 1.1 leaks its descriptor of what can be opened and not read (bpf_object__elf_init in libbpf.c).
    struct ::stat file {};
    if (::stat(path.c_str(), &file) == 0 && !S_ISREG(file.st_mode)) {
      ec = make_error(S_ISDIR(file.st_mode) ? EISDIR : EINVAL);
      return {};
    }
    return open_with(options, ec,
                     [&](::bpf_object_open_opts& raw) { return ::bpf_object__open_file(path.c_str(), &raw); });
  }
  /// The same from memory, such as a skeleton's elf_bytes(). The bytes are needed only during the call.
  static object open(std::span<std::byte const> bytes, open_options const& options, std::error_code& ec) noexcept {
    return open_with(options, ec, [&](::bpf_object_open_opts& raw) {
      if (raw.object_name == nullptr) raw.object_name = "object";
      return ::bpf_object__open_mem(bytes.data(), bytes.size(), &raw);
    });
  }

  [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }
  [[nodiscard]] std::string_view name() const noexcept {
    return object_ == nullptr ? "" : ::bpf_object__name(object_.get());
  }
  /// libbpf's handle, still owned, for what bpfmap does not wrap.
  [[nodiscard]] ::bpf_object* get() const noexcept { return object_.get(); }
  [[nodiscard]] bool loaded() const noexcept { return loaded_; }

  /// The program called `name`.
  /// @errors ENOENT there is none
  [[nodiscard]] bpfmap::program program(cstring_view name, std::error_code& ec) const noexcept {
    ::bpf_program* const found =
        object_ == nullptr ? nullptr : ::bpf_object__find_program_by_name(object_.get(), name.c_str());
    ec = found == nullptr ? make_error(object_ == nullptr ? EBADF : ENOENT) : std::error_code{};
    return bpfmap::program(found);
  }
  /// All programs, those with autoload off included.
  [[nodiscard]] detail::program_range programs() const noexcept { return detail::program_range(object_.get()); }

  /// Loads these programs and no others: sets autoload of every program. Nothing is changed on an error.
  /// @errors ENOENT a name is no program's (the error lists all such names); EINVAL the object is loaded
  void autoload_only(std::span<std::string_view const> names, std::error_code& ec) const noexcept {
    if (loaded_ || object_ == nullptr) {
      ec = make_error(object_ == nullptr ? EBADF : EINVAL);
      return;
    }
    ec.clear();
    for (std::string_view const name : names) {
      if (!has_program(name)) ec = make_error(ENOENT);
    }
    if (ec) return;
    for (bpfmap::program const each : programs()) {
      std::error_code failed;
      each.set_autoload(contains(names, each.name()), failed);
      if (failed) ec = failed;
    }
  }
  void autoload_only(std::initializer_list<std::string_view> names, std::error_code& ec) const noexcept {
    autoload_only(std::span(names.begin(), names.size()), ec);
  }

  /// Switches the autoload of programs off that call a helper which the running kernel does not have, as
  /// bpfmap_sum() does before Linux 5.19. Without it, load() fails with a sentence that names the helper. Only
  /// the helpers of bpfmap.bpf.h are looked for, and only in the programs themselves: not in functions of theirs
  /// that are not inlined.
  /// @return how many programs were switched off; ask autoload() which
  /// @errors EINVAL the object is loaded already
  /// @cost a program load for each such call
  std::size_t leave_out_unsupported(std::error_code& ec) const noexcept {
    if (loaded_ || object_ == nullptr) {
      ec = make_error(object_ == nullptr ? EBADF : EINVAL);
      return 0;
    }
    ec.clear();
    std::size_t left_out = 0;
    for (bpfmap::program const each : programs()) {
      if (!each.autoload() || detail::missing_helper(each.get()) == nullptr) continue;
      std::error_code failed;
      each.set_autoload(false, failed);
      if (failed)
        ec = failed;
      else
        ++left_out;
    }
    return left_out;
  }

  /// Creates the maps and loads the programs whose autoload is on, after fit_to_machine().
  /// @errors EINVAL loaded already, or refused by the verifier (its log is in the error, and verifier_log());
  ///         EPERM no CAP_BPF; E2BIG; ENOMEM; and others of libbpf's
  void load(std::error_code& ec) noexcept {
    if (object_ == nullptr || loaded_) {
      ec = make_error(object_ == nullptr ? EBADF : EINVAL);
      return;
    }
    ec.clear();
    fit_to_machine(object_.get(), ec);
    if (ec) return;
    if (log_ != nullptr) log_[0] = '\0';
    int const failed = ::bpf_object__load(object_.get());
    ec = failed < 0 ? make_error(failed) : std::error_code{};
    // A failed load cannot be repeated: libbpf has taken the object apart.
    loaded_ = true;
  }

  /// What the kernel said about the last program that it refused; empty if all went well.
  [[nodiscard]] std::string_view verifier_log() const noexcept { return log_ == nullptr ? "" : log_.get(); }

  /// The map called `name`, to be adjusted before load().
  /// @errors ENOENT there is none
  [[nodiscard]] object_map map(cstring_view name, std::error_code& ec) const noexcept {
    ::bpf_map* const found = object_ == nullptr ? nullptr : ::bpf_object__find_map_by_name(object_.get(), name.c_str());
    ec = found == nullptr ? make_error(object_ == nullptr ? EBADF : ENOENT) : std::error_code{};
    return object_map(found);
  }
  /// All maps, those of global variables included.
  [[nodiscard]] detail::map_range maps() const noexcept { return detail::map_range(object_.get()); }

  /// The loaded map called `name`, as a map of class M that lives on after the object.
  /// @errors ENOENT there is none; and as M::bind
  /// @cost four system calls
  template <detail::bindable_map M>
  [[nodiscard]] M map(cstring_view name, std::error_code& ec) const noexcept {
    object_map const found = map(name, ec);
    return ec ? M{} : M::bind(found.get(), ec);
  }

  /// The global variable `name` of the programs: before load() its initial value, afterwards the memory that the
  /// programs see. T must be const for variables of .rodata after load().
  /// @return null on an error. Valid until load(), or the object's end; references from before load() are not
  ///         valid after it
  /// @errors ENOENT there is none; EINVAL its size is not that of T; EPERM constant, and T is not; and as mmap
  /// @cost before load() none; after it one system call, for the first variable of a section
  template <class T>
    requires plain_bytes<std::remove_const_t<T>>
  [[nodiscard]] T* global(cstring_view name, std::error_code& ec) noexcept {
    auto const place = object_ == nullptr ? detail::global_place{} : detail::find_global(object_.get(), name);
    if (place.map == nullptr)
      ec = make_error(object_ == nullptr ? EBADF : ENOENT);
    else if (place.size != sizeof(T))
      ec = make_error(EINVAL);
    else if (std::byte* const memory = section_memory(place.map, std::is_const_v<T>, ec)) {
      return detail::object_at<T>(memory + place.offset);
    }
    return nullptr;
  }

#if BPFMAP_EXCEPTIONS
  static object open(cstring_view path, open_options const& options = {}) {
    std::error_code ec;
    object made = open(path, options, ec);
    if (ec) raise(operation::open, ec, detail::join("'", path.c_str(), "'"), {}, open_hint(ec.value()));
    return made;
  }
  static object open(std::span<std::byte const> bytes, open_options const& options = {}) {
    std::error_code ec;
    object made = open(bytes, options, ec);
    if (ec) raise(operation::open, ec, detail::join(bytes.size(), " bytes"), {}, open_hint(ec.value()));
    return made;
  }
  [[nodiscard]] bpfmap::program program(cstring_view name) const {
    std::error_code ec;
    bpfmap::program const found = program(name, ec);
    if (ec)
      fail(operation::program, ec, name.c_str(),
           detail::join("the object has no such program; it has ", program_names()));
    return found;
  }
  void autoload_only(std::span<std::string_view const> names) const {
    std::error_code ec;
    autoload_only(names, ec);
    if (!ec) return;
    std::string unknown;
    for (std::string_view const name : names) {
      if (!has_program(name)) unknown.append(unknown.empty() ? "" : ", ").append(name);
    }
    fail(operation::autoload_only, ec, unknown,
         ec.value() == ENOENT ? detail::join("the object has no such program; it has ", program_names())
                              : "which programs are loaded must be chosen before load()");
  }
  void autoload_only(std::initializer_list<std::string_view> names) const {
    autoload_only(std::span(names.begin(), names.size()));
  }
  std::size_t leave_out_unsupported() const {
    std::error_code ec;
    std::size_t const left_out = leave_out_unsupported(ec);
    if (ec) fail(operation::leave_out_unsupported, ec, {}, "which programs are loaded must be chosen before load()");
    return left_out;
  }
  void load() {
    bool const again = loaded_;
    std::error_code ec;
    load(ec);
    if (ec)
      fail(operation::load, ec, {}, again ? "load() was called before: open the object anew" : load_hint(ec.value()));
  }
  [[nodiscard]] object_map map(cstring_view name) const {
    std::error_code ec;
    object_map const found = map(name, ec);
    if (ec) fail(operation::map, ec, name.c_str(), detail::join("the object has no such map; it has ", map_names()));
    return found;
  }
  template <detail::bindable_map M>
  [[nodiscard]] M map(cstring_view name) const {
    return M::bind(map(name).get());
  }
  template <class T>
    requires plain_bytes<std::remove_const_t<T>>
  [[nodiscard]] T& global(cstring_view name) {
    std::error_code ec;
    T* const found = global<T>(name, ec);
    if (ec) fail(operation::global, ec, name.c_str(), global_hint(ec.value()));
    return *found;
  }
#else
  // Not there, and say why.
  template <class... A>
  static object open(A&&...)
    requires throwing<>;
  template <class... A>
  bpfmap::program program(A&&...) const
    requires throwing<>;
  template <class... A>
  void autoload_only(A&&...) const
    requires throwing<>;
  template <class... A>
  std::size_t leave_out_unsupported(A&&...) const
    requires throwing<>;
  template <class... A>
  void load(A&&...)
    requires throwing<>;
#endif

 private:
  struct closer {
    void operator()(::bpf_object* object) const noexcept { ::bpf_object__close(object); }
  };

  template <class Open>
  static object open_with(open_options const& options, std::error_code& ec, Open const& open) noexcept {
    object made;
    ::bpf_object_open_opts raw{};
    raw.sz = sizeof raw;
    if (*options.name.c_str() != '\0') raw.object_name = options.name.c_str();
    if (*options.btf_path.c_str() != '\0') raw.btf_custom_path = options.btf_path.c_str();
    if (options.verifier_log != 0) {
      made.log_.reset(new (std::nothrow) char[options.verifier_log]);
      if (made.log_ == nullptr) {
        ec = make_error(ENOMEM);
        return {};
      }
      made.log_[0] = '\0';
      raw.kernel_log_buf = made.log_.get();
      raw.kernel_log_size = options.verifier_log;
    }
    made.object_.reset(open(raw));
    ec = made.object_ == nullptr ? make_error(errno) : std::error_code{};
    return made;
  }

  static bool contains(std::span<std::string_view const> names, std::string_view name) noexcept {
    for (std::string_view const each : names) {
      if (each == name) return true;
    }
    return false;
  }
  [[nodiscard]] bool has_program(std::string_view name) const noexcept {
    for (bpfmap::program const each : programs()) {
      if (each.name() == name) return true;
    }
    return false;
  }

  // The memory of .bss, .data or .rodata: libbpf's copy before load(), the kernel's afterwards, mapped once.
  std::byte* section_memory(::bpf_map* map, bool read_only, std::error_code& ec) noexcept {
    ec.clear();
    std::size_t bytes = 0;
    void const* const initial = ::bpf_map__initial_value(map, &bytes);
    if (!loaded_) {
      if (initial == nullptr) ec = make_error(ENOENT);
      return static_cast<std::byte*>(const_cast<void*>(initial));  // NOLINT(*-const-cast)
    }
    for (section const& each : sections_) {
      if (each.map != map) continue;
      if (!read_only && !each.writable) ec = make_error(EPERM);
      return ec ? nullptr : each.memory.data();
    }
    bool const writable = (::bpf_map__map_flags(map) & map_flags::rdonly_prog) == 0;
    if (!read_only && !writable) {
      ec = make_error(EPERM);
      return nullptr;
    }
    auto memory = detail::mapping::map(::bpf_map__fd(map), ::bpf_map__value_size(map), 0, writable, ec);
    if (ec) return nullptr;
    std::byte* const data = memory.data();
#if BPFMAP_EXCEPTIONS
    try {
      sections_.push_back({map, writable, std::move(memory)});
    } catch (...) {
      ec = make_error(ENOMEM);
      return nullptr;
    }
#else
    sections_.push_back({map, writable, std::move(memory)});
#endif
    return data;
  }

#if BPFMAP_EXCEPTIONS
  [[noreturn, gnu::cold, gnu::noinline]] static void raise(operation what, std::error_code ec,
                                                           std::string const& subject, std::string name,
                                                           std::string hint) {
    if (std::string const log = capture_libbpf_log::current_text(); !log.empty()) hint.append("\n").append(log);
    detail::raise(ec, what, subject, std::move(name), std::move(hint));
  }
  [[noreturn, gnu::cold, gnu::noinline]] void fail(operation what, std::error_code ec, std::string const& part,
                                                   std::string hint) const {
    std::string subject = detail::join("object '", name(), "'");
    if (!part.empty()) subject = detail::join("'", part, "' of ", subject);
    raise(what, ec, subject, part, std::move(hint));
  }
  [[nodiscard]] std::string program_names() const {
    std::string list;
    for (bpfmap::program const each : programs()) list.append(list.empty() ? "" : ", ").append(each.name());
    return list.empty() ? "none" : list;
  }
  [[nodiscard]] std::string map_names() const {
    std::string list;
    for (object_map const each : maps()) list.append(list.empty() ? "" : ", ").append(each.name());
    return list.empty() ? "none" : list;
  }
  static std::string open_hint(int number) {
    switch (number) {
      case ENOENT:
        return "there is no such file, or it holds nothing that libbpf knows";
      case EACCES:
        return "the file may not be read";
      case EISDIR:
        return "it is a directory";
      case EINVAL:
        return "libbpf does not understand it";
      default:
        return number >= detail::libbpf_first_error ? "it is not a BPF object file: compile with clang -target bpf -g"
                                                    : "";
    }
  }
  [[nodiscard]] std::string load_hint(int number) const {
    if (!loaded_ && object_ != nullptr)
      return detail::unfit_text(object_.get(), number);  // nothing was asked of the kernel
    std::string hint;
    for (bpfmap::program const each : programs()) {
      detail::kernel_helper const* const missing = each.autoload() ? detail::missing_helper(each.get()) : nullptr;
      if (missing != nullptr) return detail::missing_helper_text(each.name(), *missing);
    }
    if (number == EPERM)
      hint = "loading needs CAP_BPF, and CAP_PERFMON or CAP_NET_ADMIN for most programs: run as root";
    if (!verifier_log().empty())
      hint.append(hint.empty() ? "" : "; ").append("the kernel's log:\n").append(verifier_log());
    return hint;
  }
  static std::string global_hint(int number) {
    switch (number) {
      case ENOENT:
        return "the programs have no such global variable (was it optimised away?)";
      case EINVAL:
        return "its size is not that of the type";
      case EPERM:
        return "it is constant once the object is loaded: ask for a const type";
      default:
        return {};
    }
  }
#endif

  struct section {
    ::bpf_map const* map;
    bool writable;
    detail::mapping memory;
  };

  std::unique_ptr<char[]> log_;  // outlives the object, which writes to it
  std::unique_ptr<::bpf_object, closer> object_;
  std::vector<section> sections_;
  bool loaded_ = false;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
