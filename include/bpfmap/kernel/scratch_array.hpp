// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_SCRATCH_ARRAY_HPP
#define BPFMAP_KERNEL_SCRATCH_ARRAY_HPP

// Memory that a program of bpfmap's own and this process share: what the program works on lies in it.

#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>

#include <bpfmap/kernel/fd.hpp>
#include <bpfmap/kernel/memory.hpp>
#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// An array, mapped into this process, and into one that is forked off it: that must not work in it. Programs reach its
/// only element by bpf::load_map_value, one of many by bpf::helper::map_lookup_elem, which the kernel compiles to a few
/// instructions. Linux 5.5.
class scratch_array {
 public:
  scratch_array() = default;

  /// `elements` of `bytes` zeros each, one behind the other, every one on a multiple of 8.
  /// @errors EPERM no CAP_BPF where the system asks for it; ENOMEM; E2BIG more than 4 MiB in one element on older
  ///         kernels; EMFILE
  /// @cost two system calls, and 0.3 ns a byte
  static scratch_array create(std::uint32_t bytes, std::error_code& ec, std::uint32_t elements = 1) noexcept {
    scratch_array made;
    unique_fd fd(sys::map_create({.type = map_type::array,
                                  .name = "bpfmap_scratch",
                                  .key_size = sizeof(std::uint32_t),
                                  .value_size = bytes,
                                  .max_entries = elements,
                                  .flags = map_flags::mmapable,
                                  .numa_node = 0,
                                  .map_extra = 0,
                                  .btf_fd = 0,
                                  .btf_key_type_id = 0,
                                  .btf_value_type_id = 0,
                                  .inner_map_fd = 0}));
    if (!fd) {
      ec = make_error(errno);
      return made;
    }
    mapping memory = mapping::map(fd.get(), round_up(bytes, 8) * elements, 0, true, ec);
    if (ec) return made;
    made.fd_ = std::move(fd);
    made.memory_ = std::move(memory);
    return made;
  }

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] std::byte* data() const noexcept { return memory_.data(); }

 private:
  unique_fd fd_;
  mapping memory_;
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
