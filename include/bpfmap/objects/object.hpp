// SPDX-License-Identifier: MIT
#ifndef BPFMAP_OBJECTS_OBJECT_HPP
#define BPFMAP_OBJECTS_OBJECT_HPP

// A BPF object file: opened, its programs and maps chosen and adjusted, loaded, and used.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include <sys/stat.h>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/cstring.hpp>
#include <bpfmap/core/error.hpp>
#include <bpfmap/core/error_text.hpp>
#include <bpfmap/core/sizing.hpp>
#include <bpfmap/kernel/sys.hpp>
#include <bpfmap/objects/causes.hpp>
#include <bpfmap/objects/global.hpp>
#include <bpfmap/objects/helpers.hpp>
#include <bpfmap/objects/libbpf_log.hpp>
#include <bpfmap/objects/machine.hpp>
#include <bpfmap/objects/names.hpp>
#include <bpfmap/objects/object_map.hpp>
#include <bpfmap/objects/program.hpp>
#include <bpfmap/objects/sections.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// How an object is opened.
struct open_options {
  std::string name = {};  ///< the object's name; empty: the file's, or "object" for bytes
  /// Bytes to keep of the kernel's log of a refused program, its end; 0: none. All of it, if nothing is said.
  std::size_t verifier_log = static_cast<std::size_t>(-1);
  std::string btf_path = {};  ///< BTF of the kernel for CO-RE, where the kernel itself has none
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
    detail::sentence subject;
    subject.add("'", path.c_str(), "'");
    // libbpf 1.1 leaks its descriptor of what can be opened and not read (bpf_object__elf_init in libbpf.c).
    struct ::stat file {};
    bool const there = ::stat(path.c_str(), &file) == 0;
    if (there && !S_ISREG(file.st_mode)) {
      ec = make_error(S_ISDIR(file.st_mode) ? EISDIR : EINVAL);
      detail::note_failure(ec, operation::open, subject, {},
                           S_ISDIR(file.st_mode) ? "it is a directory" : "it is no file");
      return {};
    }
    return open_with(options, ec, subject, there,
                     [&](::bpf_object_open_opts& raw) { return ::bpf_object__open_file(path.c_str(), &raw); });
  }
  static object open(cstring_view path, std::error_code& ec) noexcept { return open(path, open_options{}, ec); }
  /// The same from memory, such as a skeleton's elf_bytes(). The bytes are needed only during the call.
  static object open(std::span<std::byte const> bytes, open_options const& options, std::error_code& ec) noexcept {
    detail::sentence subject;
    subject.add(bytes.size(), " bytes");
    return open_with(options, ec, subject, true, [&](::bpf_object_open_opts& raw) {
      if (raw.object_name == nullptr) raw.object_name = "object";
      return ::bpf_object__open_mem(bytes.data(), bytes.size(), &raw);
    });
  }
  static object open(std::span<std::byte const> bytes, std::error_code& ec) noexcept {
    return open(bytes, open_options{}, ec);
  }

  [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }
  [[nodiscard]] std::string_view name() const noexcept {
    return object_ == nullptr ? "" : ::bpf_object__name(object_.get());
  }
  /// libbpf's handle, still owned, for what bpfmap does not wrap.
  [[nodiscard]] ::bpf_object* get() const noexcept { return object_.get(); }
  /// Whether load() has succeeded.
  [[nodiscard]] bool loaded() const noexcept { return state_ == state::loaded; }

  /// The program called `name`.
  /// @errors ENOENT there is none
  [[nodiscard]] bpfmap::program program(cstring_view name, std::error_code& ec) const noexcept {
    ::bpf_program* const found =
        object_ == nullptr ? nullptr : ::bpf_object__find_program_by_name(object_.get(), name.c_str());
    ec = found == nullptr ? make_error(object_ == nullptr ? EBADF : ENOENT) : std::error_code{};
    if (ec) note_absent(operation::program, ec, name, programs());
    return bpfmap::program(found);
  }
  /// All programs, those with autoload off included.
  [[nodiscard]] detail::program_range programs() const& noexcept { return detail::program_range(object_.get()); }
  template <class... A>
  void programs(A&&...) const&&
    requires(sizeof...(A) == 0)
  {
    detail::refuse_temporary<A...>();
  }

  /// Loads these programs and no others: sets autoload of every program. Nothing is changed on an error.
  /// @errors ENOENT a name is no program's (the error lists all such names); EINVAL the object is loaded
  void autoload_only(std::span<std::string_view const> names, std::error_code& ec) const noexcept {
    if (state_ != state::opened || object_ == nullptr) {
      ec = make_error(object_ == nullptr ? EBADF : EINVAL);
      note(operation::autoload_only, ec, {}, "which programs are loaded must be chosen before load()");
      return;
    }
    ec.clear();
    detail::sentence unknown;
    for (std::string_view const name : names) {
      if (!has_program(name)) unknown.separate(", ").add(name);
    }
    if (!unknown.empty()) {
      ec = make_error(ENOENT);
      note_absent(operation::autoload_only, ec, unknown, programs());
      return;
    }
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
    if (state_ != state::opened || object_ == nullptr) {
      ec = make_error(object_ == nullptr ? EBADF : EINVAL);
      note(operation::leave_out_unsupported, ec, {}, "which programs are loaded must be chosen before load()");
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
    detail::cause why;
    if (object_ == nullptr || state_ != state::opened) {
      ec = make_error(object_ == nullptr ? EBADF : EINVAL);
      if (object_ != nullptr)
        why.text.add("load() was called before", loaded() ? "" : " and failed", ": open the object anew");
      note(operation::load, ec, {}, why.text);
      return;
    }
    fit_to_machine(object_.get(), ec);
    if (ec) {  // nothing was asked of the kernel
      detail::add_unfit(why.text, object_.get(), ec.value());
      note(operation::load, ec, {}, why.text);
      return;
    }
    detail::show_static_variables(object_.get());
    detail::libbpf_listener libbpf(detail::libbpf_listener::kind::quotes);
    int const failed = ::bpf_object__load(object_.get());
    ec = failed < 0 ? make_error(failed) : std::error_code{};
    // A failed load cannot be repeated: libbpf has taken the object apart.
    state_ = ec ? state::failed : state::loaded;
    if (!ec) return;
    log_ = std::move(libbpf.verifier_log());
    detail::find_cause(why, object_.get(), libbpf.lines(), log_.view(), ec.value());
    if (std::size_t const all = log_.view().size(); all > log_bytes_) log_.keep(all - log_bytes_, log_bytes_);
    note(operation::load, ec, {}, why.text, why.name);
  }

  /// What the kernel said about the last program that it refused, however long; empty if all went well.
  [[nodiscard]] std::string_view verifier_log() const noexcept { return log_.view(); }

  /// The map called `name`, to be adjusted before load().
  /// @errors ENOENT there is none
  [[nodiscard]] object_map map(cstring_view name, std::error_code& ec) const noexcept {
    ::bpf_map* const found = object_ == nullptr ? nullptr : ::bpf_object__find_map_by_name(object_.get(), name.c_str());
    ec = found == nullptr ? make_error(object_ == nullptr ? EBADF : ENOENT) : std::error_code{};
    if (ec) note_absent(operation::map, ec, name, maps());
    return object_map(found);
  }
  /// All maps, those of global variables included.
  [[nodiscard]] detail::map_range maps() const& noexcept { return detail::map_range(object_.get()); }
  template <class... A>
  void maps(A&&...) const&&
    requires(sizeof...(A) == 0)
  {
    detail::refuse_temporary<A...>();
  }

  /// The loaded map called `name`, as a map of class M that lives on after the object.
  /// @errors ENOENT there is none; EBADF the object is not loaded, or the map's autocreate is off; and as M::bind
  /// @cost four system calls
  template <detail::bindable_map M>
  [[nodiscard]] M map(cstring_view name, std::error_code& ec) const noexcept {
    object_map const found = created_map(name, ec);
    if (ec) return M{};
    M made = M::bind(found.get(), ec);
    if (ec) note(operation::map, ec, name, "it is not a map of this class, or not with this key and value", name);
    return made;
  }

  /// The global variable `name` of the programs: before load() its initial value, afterwards the memory that the
  /// programs see. T must be const for variables of .rodata after load().
  /// @return null on an error. Valid until load(), or the object's end; references from before load() are not
  ///         valid after it
  /// @errors ENOENT there is none; EINVAL it is not a T, by size or kind, or there are several static ones of this
  ///         name, or the object is damaged; EPERM constant, and T is not; EOPNOTSUPP the kernel does not show its
  ///         section, because there are locks or the like in it; EBADF load() has failed; and as mmap
  /// @cost before load() none; after it one system call, for the first variable of a section
  template <class T>
    requires plain_bytes<std::remove_const_t<T>>
  [[nodiscard]] T* global(cstring_view name, std::error_code& ec) noexcept {
    constexpr detail::variable_type type = detail::variable_type_of<std::remove_const_t<T>>();
    return detail::object_at<T>(global_memory(name, type, std::is_const_v<T>, ec));
  }

#if BPFMAP_EXCEPTIONS
  static object open(cstring_view path, open_options const& options = {}) {
    std::error_code ec;
    object made = open(path, options, ec);
    if (ec) raise_last(ec, operation::open, detail::join("'", path.c_str(), "'"));
    return made;
  }
  static object open(std::span<std::byte const> bytes, open_options const& options = {}) {
    std::error_code ec;
    object made = open(bytes, options, ec);
    if (ec) raise_last(ec, operation::open, detail::join(bytes.size(), " bytes"));
    return made;
  }
  [[nodiscard]] bpfmap::program program(cstring_view name) const {
    std::error_code ec;
    bpfmap::program const found = program(name, ec);
    if (ec) fail(operation::program, ec, name);
    return found;
  }
  void autoload_only(std::span<std::string_view const> names) const {
    std::error_code ec;
    autoload_only(names, ec);
    if (ec) fail(operation::autoload_only, ec, detail::the_last_failure.name);
  }
  void autoload_only(std::initializer_list<std::string_view> names) const {
    autoload_only(std::span(names.begin(), names.size()));
  }
  std::size_t leave_out_unsupported() const {
    std::error_code ec;
    std::size_t const left_out = leave_out_unsupported(ec);
    if (ec) fail(operation::leave_out_unsupported, ec, {});
    return left_out;
  }
  void load() {
    std::error_code ec;
    load(ec);
    if (ec) fail(operation::load, ec, {}, log_.view());
  }
  [[nodiscard]] object_map map(cstring_view name) const {
    std::error_code ec;
    object_map const found = map(name, ec);
    if (ec) fail(operation::map, ec, name);
    return found;
  }
  template <detail::bindable_map M>
  [[nodiscard]] M map(cstring_view name) const {
    std::error_code ec;
    object_map const found = created_map(name, ec);
    if (ec) fail(operation::map, ec, name);
    return M::bind(found.get());
  }
  template <class T>
    requires plain_bytes<std::remove_const_t<T>>
  [[nodiscard]] T& global(cstring_view name) {
    std::error_code ec;
    T* const found = global<T>(name, ec);
    if (ec) fail(operation::global, ec, name);
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
  static object open_with(open_options const& options, std::error_code& ec, std::string_view subject, bool there,
                          Open const& open) noexcept {
    object made;
    ::bpf_object_open_opts raw{};
    raw.sz = sizeof raw;
    if (!options.name.empty()) raw.object_name = options.name.c_str();
    if (!options.btf_path.empty()) raw.btf_custom_path = options.btf_path.c_str();
    // No log buffer: libbpf replaces the errno by ENOSPC if that is too small, and makes its own as large as needed.
    made.log_bytes_ = options.verifier_log;
    detail::libbpf_listener libbpf(detail::libbpf_listener::kind::quotes);
    made.object_.reset(open(raw));
    ec = made.object_ == nullptr ? make_error(errno) : std::error_code{};
    if (!ec) return made;
    detail::cause why;
    detail::find_cause(why, nullptr, libbpf.lines(), {}, ec.value());
    if (why.text.empty()) why.text.add(detail::open_hint(ec.value(), there));
    detail::note_failure(ec, operation::open, subject, why.name, why.text);
    return {};
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

  // The map called `name`, if load() has created it.
  object_map created_map(cstring_view name, std::error_code& ec) const noexcept {
    object_map const found = map(name, ec);
    if (ec || ::bpf_map__fd(found.get()) >= 0) return found;
    ec = make_error(EBADF);
    note(operation::map, ec, name,
         state_ == state::opened   ? "the object is not loaded"
         : state_ == state::failed ? "load() has failed"
                                   : "its autocreate was off: load() has not created it",
         name);
    return object_map();
  }

  std::byte* global_memory(cstring_view name, detail::variable_type const& type, bool read_only,
                           std::error_code& ec) noexcept {
    ec.clear();
    detail::sentence why;
    unsigned found = 0;
    detail::global_place const place =
        object_ == nullptr ? detail::global_place{} : detail::find_global(object_.get(), name, found);
    std::byte* memory = nullptr;
    if (object_ == nullptr || state_ == state::failed) {
      ec = make_error(EBADF);
      if (object_ != nullptr) why.add("load() has failed");
    } else if (found == 0) {
      ec = make_error(ENOENT);
      why.add("the programs have no such global variable (was it optimised away?); they have ");
      detail::nearest_names names(name);
      detail::for_each_global(object_.get(), [&](auto const&, std::string_view each, bool) { names.offer(each); });
      names.add_to(why);
    } else if (found > 1) {
      ec = make_error(EINVAL);
      why.add("the programs have ", found, " static variables of this name:");
      detail::for_each_global(object_.get(), [&](detail::global_place const& each, std::string_view called, bool) {
        if (called == name) why.add(" at byte ", each.offset, " of ", ::bpf_map__name(each.map), ",");
      });
      why.add(" and nothing says which is meant: give them different names");
    } else {
      detail::add_global_difference(why, object_.get(), place, type);
      if (!why.empty())
        ec = make_error(EINVAL);
      else
        memory =
            loaded() ? sections_.after_load(place.map, read_only, ec, why) : detail::initial_section(place.map, ec);
    }
    if (ec) note(operation::global, ec, name, why, name);
    return ec ? nullptr : memory + place.offset;
  }

  // What this thread's last failure was.
  void note(operation what, std::error_code ec, std::string_view part, std::string_view hint,
            std::string_view about = {}) const noexcept {
    detail::sentence subject;
    if (!part.empty()) subject.add("'", part, "' of ");
    subject.add("object '", name(), "'");
    detail::note_failure(ec, what, subject, about, hint);
  }
  template <class Range>
  void note_absent(operation what, std::error_code ec, std::string_view wanted, Range const& there) const noexcept {
    detail::sentence hint;
    if (object_ != nullptr) {
      hint.add("the object has no such ", what == operation::map ? "map" : "program", "; it has ");
      detail::nearest_names names(wanted);
      for (auto const& each : there) names.offer(each.name());
      names.add_to(hint);
    }
    note(what, ec, wanted, hint, wanted);
  }

#if BPFMAP_EXCEPTIONS
  // What was noted is thrown. With the end of the verifier's log, and with what a guard of this thread has collected.
  [[noreturn, gnu::cold, gnu::noinline]] static void raise_last(std::error_code ec, operation what,
                                                                std::string const& subject, std::string_view log = {}) {
    constexpr std::size_t most = 8192;
    std::string hint(detail::last_hint());
    std::string name(detail::the_last_failure.name.view());
    if (!log.empty()) {
      std::string_view const end = log.substr(log.size() - std::min(log.size(), most));
      hint.append(hint.empty() ? "" : "; ").append("the kernel's log");
      if (end.size() < log.size()) hint.append(" (its end: verifier_log() has it all)");
      hint.append(":\n").append(end);
    }
    if (std::string const said = capture_libbpf_log::current_text(); !said.empty()) hint.append("\n").append(said);
    detail::raise(ec, what, subject, std::move(name), std::move(hint));
  }
  [[noreturn, gnu::cold, gnu::noinline]] void fail(operation what, std::error_code ec, std::string_view part,
                                                   std::string_view log = {}) const {
    std::string subject = detail::join("object '", name(), "'");
    if (!part.empty()) subject = detail::join("'", part, "' of ", subject);
    raise_last(ec, what, subject, log);
  }
#endif

  enum class state : std::uint8_t { opened, loaded, failed };

  std::unique_ptr<::bpf_object, closer> object_;
  detail::section_memories sections_;
  detail::growing_text log_;
  std::size_t log_bytes_ = 0;
  state state_ = state::opened;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
