// SPDX-License-Identifier: MIT
#ifndef BPFMAP_MAPS_ARENA_HPP
#define BPFMAP_MAPS_ARENA_HPP

// Memory that BPF programs and user space share, with pointers that mean the same on both sides.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>

#include <sys/mman.h>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/cpu.hpp>
#include <bpfmap/engine/map_handle.hpp>
#include <bpfmap/kernel/arena_memory.hpp>
#include <bpfmap/kernel/memory.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// BPF_MAP_TYPE_ARENA, Linux 6.9: up to 4 GiB of memory that programs and user space share, mapped when the arena is
/// created or bound.
///
/// max_entries is its size in pages. Pages appear, as zeros, when user space touches them, or when a program calls
/// bpf_arena_alloc_pages; with map_flags::segv_on_fault only by the latter, and touching others is SIGSEGV.
///
/// `map_extra` is the address of its first byte in every process, a multiple of the page size; 0 lets the kernel
/// choose one when the arena is mapped first, and other processes cannot map it then unless they know it. In a process
/// an arena has one address, which all objects for it share; it stays mapped until the last of them is gone.
///
/// Programs are loaded only when the address is known. libbpf maps the arenas of objects itself since 1.4: bind() shows
/// that memory, which goes with the object. With older libbpf give them a map_extra before object::load().
/// @code
/// auto heap = bpfmap::arena::create({.name = "heap", .max_entries = 256});
/// std::span<node> nodes = heap.span<node>(0, 1000);
/// @endcode
/// @concurrency plain shared memory: longer values than 8 aligned bytes may be seen half written; use std::atomic_ref
class arena : public typed_map<arena, map_type::arena> {
  using base = typed_map<arena, map_type::arena>;

 public:
  /// @copydoc typed_map::bind
  static arena bind(::bpf_map const* map, std::error_code& ec) noexcept {
    detail::arena_memory const lent = mapped_by_libbpf(map);
    return base::bind(map, ec);
  }
#if BPFMAP_EXCEPTIONS
  static arena bind(::bpf_map const* map) {
    detail::arena_memory const lent = mapped_by_libbpf(map);
    return base::bind(map);
  }
#endif

  /// Its size in bytes: max_size() pages.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return memory_.size(); }
  /// The size of a page in bytes.
  [[nodiscard]] static std::size_t page_size() noexcept { return detail::mapping::page_size(); }
  /// Its first byte; null if empty. Programs' pointers into the arena are addresses from here on.
  [[nodiscard]] std::byte* data() noexcept { return memory_.data(); }
  [[nodiscard]] std::byte const* data() const noexcept { return memory_.data(); }

  /// `count` objects of type T, `offset` bytes behind the beginning, in the shared memory. Valid as long as an object
  /// for the arena is there.
  /// @param offset  a multiple of alignof(T)
  /// @errors ERANGE they do not lie in the arena; EINVAL the offset is not aligned; EBADF this object is empty
  /// @cost none; of first touches, a page fault each
  template <plain_bytes T>
  [[nodiscard]] std::span<T> span(std::uint64_t offset, std::size_t count, std::error_code& ec) & noexcept {
    ec = check(offset, count, sizeof(T), alignof(T));
    if (ec) return {};
    return {detail::object_at<T>(memory_.data() + offset), count};
  }
  template <plain_bytes T>
  [[nodiscard]] std::span<T const> span(std::uint64_t offset, std::size_t count, std::error_code& ec) const& noexcept {
    ec = check(offset, count, sizeof(T), alignof(T));
    if (ec) return {};
    return {detail::object_at<T const>(memory_.data() + offset), count};
  }

  /// Makes pages be there, as a touch does, before they are used; those that are there stay as they are. Lets a lack of
  /// memory be an error instead of a signal.
  /// @param first  the number of the first page
  /// @errors ERANGE they do not lie in the arena; EFAULT the arena has segv_on_fault, and no program has allocated
  ///         them; ENOMEM; EBADF this object is empty
  /// @cost one system call
  void allocate_pages(std::uint64_t first, std::uint64_t count, std::error_code& ec) noexcept {
    constexpr int populate_write = 23;  // MADV_POPULATE_WRITE, Linux 5.14: younger than some C libraries
    std::uint64_t const pages = bytes() / page_size();
    if (!*this) {
      ec = make_error(EBADF);
    } else if (first > pages || count > pages - first) {
      ec = make_error(ERANGE);
    } else {
      std::byte* const from = memory_.data() + detail::number_cast<std::size_t>(first) * page_size();
      bool const done = ::madvise(from, detail::number_cast<std::size_t>(count) * page_size(), populate_write) == 0;
      ec = done ? std::error_code{} : make_error(errno);
    }
  }

  template <plain_bytes T>
    requires throwing<>
  [[nodiscard]] std::span<T> span(std::uint64_t offset, std::size_t count) & {
    std::error_code ec;
    auto const found = span<T>(offset, count, ec);
    if (ec) fail_span(ec, offset, count, sizeof(T), alignof(T));
    return found;
  }
  template <plain_bytes T>
    requires throwing<>
  [[nodiscard]] std::span<T const> span(std::uint64_t offset, std::size_t count) const& {
    std::error_code ec;
    auto const found = span<T>(offset, count, ec);
    if (ec) fail_span(ec, offset, count, sizeof(T), alignof(T));
    return found;
  }
  template <plain_bytes T, class... A>
  void span(std::uint64_t, std::size_t, A&&...) const&&
    requires detail::view_arguments<A...>
  {
    detail::refuse_temporary<A...>();
  }
#if BPFMAP_EXCEPTIONS
  void allocate_pages(std::uint64_t first, std::uint64_t count) {
    std::error_code ec;
    allocate_pages(first, count, ec);
    if (!ec) return;
    std::string hint;
    if (ec.value() == ERANGE) hint = detail::join("it has ", max_size(), " pages");
    if (ec.value() == EFAULT) hint = "with segv_on_fault only programs allocate pages, by bpf_arena_alloc_pages";
    fail(operation::allocate_pages, ec, std::move(hint));
  }
#else
  // Not there, and says why.
  template <class... A>
  void allocate_pages(A&&...)
    requires throwing<>;
#endif

 private:
  friend base;

  static detail::map_expectation expectation() noexcept {
    return {.type = map_type::arena, .key_size = 0, .value_size = 0, .flags = map_flags::mmapable};
  }

  static constexpr std::uint64_t largest = std::uint64_t{1} << 32;

  // The kernel's answers to these are one number for many reasons.
  static void adjust(create_options& options, std::error_code& ec, std::string* why) {
    std::uint64_t const size = std::uint64_t{options.max_entries} * page_size();
    std::uint64_t const start = options.map_extra;
    char const* wrong = nullptr;
    if (size > largest) {
      ec = make_error(E2BIG);
      wrong = "an arena may have 4 GiB at the most";
    } else if (start % page_size() != 0) {
      ec = make_error(EINVAL);
      wrong = "map_extra, its address, is not a multiple of the page size";
    } else if (start != 0 && size != 0 && start / largest != (start + size - 1) / largest) {
      ec = make_error(ERANGE);
      wrong = "its addresses may not cross a multiple of 4 GiB: choose another map_extra";
    }
    if (wrong != nullptr && why != nullptr) *why = wrong;
  }

  void open(std::error_code& ec, std::string* why) {
    auto const size = detail::number_cast<std::size_t>(max_size()) * page_size();
    memory_ = detail::arena_memory::share(id(), fd(), size, info().map_extra, ec);
    if (!ec || why == nullptr) return;
    switch (ec.value()) {
      case EEXIST:
        *why =
            "something else is mapped at its address (by libbpf, if the arena is an object's: bind() the libbpf map)";
        break;
      case EBUSY:
      case EINVAL:
      case E2BIG:
        *why =
            "it was mapped before at an address of the kernel's choice, which nobody can ask for: create it with a "
            "fixed one, map_extra, to map it in several processes";
        break;
      case EACCES:
      case EPERM:
        *why = "mapping it needs a descriptor that may read and write";
        break;
      default:
        *why = "there is no room for it in this process' address space";
    }
  }

  // libbpf 1.4 and newer map the arenas of objects when they load them, and tell where.
  static detail::arena_memory mapped_by_libbpf(::bpf_map const* map) noexcept {
    if (map == nullptr || sys::type_of(map) != map_type::arena) return {};
    std::byte* const at = sys::memory_of(map);
    if (at == nullptr) return {};
    std::error_code ec;
    map_info const info = map_info::read(sys::fd_of(map), ec, true);
    if (ec) return {};
    return detail::arena_memory::lent(info.id, at, static_cast<std::size_t>(info.max_entries) * page_size(), ec);
  }

  [[nodiscard]] std::error_code check(std::uint64_t offset, std::size_t count, std::size_t size,
                                      std::size_t alignment) const noexcept {
    if (!*this) return make_error(EBADF);
    if (offset > bytes() || count > (bytes() - offset) / size) return make_error(ERANGE);
    return offset % alignment != 0 ? make_error(EINVAL) : std::error_code{};
  }

  [[noreturn, gnu::cold, gnu::noinline]] void fail_span(std::error_code ec, std::uint64_t offset, std::size_t count,
                                                        std::size_t size, std::size_t alignment) const {
    std::string hint;
    if (ec.value() == ERANGE) {
      hint = detail::join(count, " objects of ", size, " bytes from offset ", offset, " do not lie in the arena's ",
                          bytes(), " bytes");
    } else if (ec.value() == EINVAL) {
      hint = detail::join("offset ", offset, " is not a multiple of ", alignment, ", the type's alignment");
    }
    fail(operation::span, ec, std::move(hint));
  }

  detail::arena_memory memory_;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
