// SPDX-License-Identifier: MIT
#ifndef BPFMAP_OBJECTS_SECTIONS_HPP
#define BPFMAP_OBJECTS_SECTIONS_HPP

// The memory of the sections of an object that hold variables: .bss, .data and .rodata.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>
#include <vector>

#include <bpfmap/core/error_text.hpp>
#include <bpfmap/core/map_traits.hpp>
#include <bpfmap/kernel/memory.hpp>
#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// libbpf's copy before load(): the initial values.
inline std::byte* initial_section(::bpf_map* map, std::error_code& ec) noexcept {
  std::size_t bytes = 0;
  void const* const initial = ::bpf_map__initial_value(map, &bytes);
  ec = make_error(initial == nullptr || bytes < ::bpf_map__value_size(map) ? ENOENT : 0);
  return ec ? nullptr : static_cast<std::byte*>(const_cast<void*>(initial));  // NOLINT(*-const-cast)
}

/// The kernel's memory after load(), each section mapped once.
class section_memories {
 public:
  /// @errors EPERM constant, and not only to be read; EOPNOTSUPP the map is no memory; ENOMEM; and as mmap
  std::byte* after_load(::bpf_map const* map, bool read_only, std::error_code& ec, sentence& why) noexcept {
    std::uint32_t const flags = ::bpf_map__map_flags(map);
    bool const writable = (flags & map_flags::rdonly_prog) == 0;
    ec = make_error(writable || read_only ? 0 : EPERM);
    if (ec) {
      why.add("it is constant once the object is loaded: ask for a const type");
      return nullptr;
    }
    for (section const& each : sections_) {
      if (each.map == map) return each.memory.data();
    }
    if ((flags & map_flags::mmapable) == 0) {
      ec = make_error(EOPNOTSUPP);
      why.add("its section ", ::bpf_map__name(map),
              " holds static variables that only the kernel may change, such as locks, timers or lists, and is not "
              "shown as memory");
      return nullptr;
    }
    auto memory = mapping::map(::bpf_map__fd(map), ::bpf_map__value_size(map), 0, writable, ec);
    if (ec) return nullptr;
    std::byte* const data = memory.data();
#if BPFMAP_EXCEPTIONS
    try {
      sections_.push_back({map, std::move(memory)});
    } catch (...) {
      ec = make_error(ENOMEM);
      return nullptr;
    }
#else
    sections_.push_back({map, std::move(memory)});
#endif
    return data;
  }

 private:
  struct section {
    ::bpf_map const* map;
    mapping memory;
  };
  std::vector<section> sections_;
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
