// SPDX-License-Identifier: MIT
#ifndef BPFMAP_OBJECTS_OBJECT_MAP_HPP
#define BPFMAP_OBJECTS_OBJECT_MAP_HPP

// A map of an object before it is loaded, and ranges over an object's maps and programs.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <ranges>
#include <string>
#include <string_view>
#include <system_error>

#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/error.hpp>
#include <bpfmap/core/error_text.hpp>
#include <bpfmap/core/map_traits.hpp>
#include <bpfmap/core/sizing.hpp>
#include <bpfmap/kernel/sys.hpp>
#include <bpfmap/objects/program.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// A map of an object, to be adjusted before it is loaded. The object owns it and must outlive this.
class object_map {
 public:
  object_map() = default;
  explicit object_map(::bpf_map* of_libbpf) noexcept : map_(of_libbpf) {}

  [[nodiscard]] explicit operator bool() const noexcept { return map_ != nullptr; }
  [[nodiscard]] std::string_view name() const noexcept { return map_ == nullptr ? "" : ::bpf_map__name(map_); }
  [[nodiscard]] map_type type() const noexcept {
    return map_ == nullptr ? map_type::unspec : static_cast<map_type>(::bpf_map__type(map_));
  }
  [[nodiscard]] std::uint32_t max_entries() const noexcept {
    return map_ == nullptr ? 0 : ::bpf_map__max_entries(map_);
  }
  /// Whether object::load() creates it.
  [[nodiscard]] bool autocreate() const noexcept { return map_ != nullptr && ::bpf_map__autocreate(map_); }
  /// libbpf's handle, for what bpfmap does not wrap.
  [[nodiscard]] ::bpf_map* get() const noexcept { return map_; }

  /// Chooses whether object::load() creates it: only before that. No loaded program may use one that is off.
  /// @errors EBUSY the object is loaded
  void set_autocreate(bool on, std::error_code& ec) const noexcept {
    ec = code_of(map_ == nullptr ? -EBADF : ::bpf_map__set_autocreate(map_, on));
    if (ec) note(operation::set_autocreate, ec);
  }
  /// Changes max_entries: only before load().
  /// @errors EBUSY the object is loaded
  void set_max_entries(std::uint32_t entries, std::error_code& ec) const noexcept {
    ec = code_of(map_ == nullptr ? -EBADF : ::bpf_map__set_max_entries(map_, entries));
    if (ec) note(operation::set_max_entries, ec);
  }
  /// Sets max_entries to what a sizing policy says for this machine.
  /// @code
  /// object.map("events").set_max_entries(bpfmap::sizing::fixed<32>{});
  /// @endcode
  template <sizing_policy Policy>
  void set_max_entries(Policy const& policy, std::error_code& ec) const noexcept(detail::nothrow_policy<Policy>) {
    auto const cpus = cpu_topology::read(cpu_topology::sysfs, ec);
    if (ec) return note(operation::set_max_entries, ec);
    set_max_entries(static_cast<std::uint32_t>(policy(cpus)), ec);
  }

#if BPFMAP_EXCEPTIONS
  void set_autocreate(bool on) const {
    std::error_code ec;
    set_autocreate(on, ec);
    if (ec) fail(operation::set_autocreate, ec);
  }
  void set_max_entries(std::uint32_t entries) const {
    std::error_code ec;
    set_max_entries(entries, ec);
    if (ec) fail(operation::set_max_entries, ec);
  }
  template <sizing_policy Policy>
  void set_max_entries(Policy const& policy) const {
    std::error_code ec;
    set_max_entries(policy, ec);
    if (ec) fail(operation::set_max_entries, ec);
  }
#endif

 private:
  static std::error_code code_of(int result) noexcept { return result < 0 ? make_error(result) : std::error_code{}; }

  void note(operation what, std::error_code ec) const noexcept {
    detail::sentence subject;
    subject.add("map '", name(), "'");
    std::string_view const hint = ec.value() == EBUSY ? "maps can be adjusted only before load()" : "";
    detail::note_failure(ec, what, subject, name(), hint);
  }

#if BPFMAP_EXCEPTIONS
  // What was noted is thrown.
  [[noreturn, gnu::cold, gnu::noinline]] void fail(operation what, std::error_code ec) const {
    detail::raise(ec, what, detail::join("map '", name(), "'"), std::string(name()), std::string(detail::last_hint()));
  }
#endif

  ::bpf_map* map_ = nullptr;
};

namespace detail {

/// The programs or maps of an object, as a forward range.
template <class Item, class Raw, Raw* (*Next)(::bpf_object const*, Raw*)>
class object_range : public std::ranges::view_base {
 public:
  class iterator {
   public:
    using iterator_concept = std::forward_iterator_tag;
    using value_type = Item;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    iterator(::bpf_object const* object, Raw* at) noexcept : object_(object), at_(at) {}
    [[nodiscard]] Item operator*() const noexcept { return Item(at_); }
    iterator& operator++() noexcept {
      at_ = Next(object_, at_);
      return *this;
    }
    iterator operator++(int) noexcept {
      iterator const old = *this;
      ++*this;
      return old;
    }
    friend bool operator==(iterator const& a, iterator const& b) noexcept { return a.at_ == b.at_; }

   private:
    ::bpf_object const* object_ = nullptr;
    Raw* at_ = nullptr;
  };

  explicit object_range(::bpf_object const* object) noexcept : object_(object) {}
  [[nodiscard]] iterator begin() const noexcept {
    return {object_, object_ == nullptr ? nullptr : Next(object_, nullptr)};
  }
  [[nodiscard]] iterator end() const noexcept { return {object_, nullptr}; }

 private:
  ::bpf_object const* object_;
};

inline ::bpf_program* next_program(::bpf_object const* object, ::bpf_program* after) noexcept {
  return ::bpf_object__next_program(object, after);
}
inline ::bpf_map* next_map(::bpf_object const* object, ::bpf_map* after) noexcept {
  return ::bpf_object__next_map(object, after);
}

using program_range = object_range<bpfmap::program, ::bpf_program, next_program>;
using map_range = object_range<object_map, ::bpf_map, next_map>;

}  // namespace detail

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
