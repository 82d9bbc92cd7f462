// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_VMLINUX_HPP
#define BPFMAP_KERNEL_VMLINUX_HPP

// Looks names up in the running kernel's BTF. libbpf can do that too, but parses and indexes all of it
// (5 MB, some 10 ms) to answer; one scan for one name takes about a tenth of that and keeps nothing.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>

#include <bpfmap/core/version.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// BTF in memory, as Documentation/bpf/btf.rst of the kernel describes it.
class btf_view {
 public:
  static constexpr std::uint32_t kind_func = 12;

  explicit btf_view(std::span<std::byte const> data) noexcept {
    header head{};
    if (data.size() < sizeof head) return;
    std::memcpy(&head, data.data(), sizeof head);
    if (head.magic != 0xeb9f || head.length > data.size()) return;
    auto const body = data.subspan(head.length);
    if (!inside(body, head.type_offset, head.type_length) || !inside(body, head.string_offset, head.string_length)) {
      return;
    }
    types_ = body.subspan(head.type_offset, head.type_length);
    strings_ = body.subspan(head.string_offset, head.string_length);
  }

  /// The id of the type called `name` of this kind, or 0. Stops at a kind it does not know.
  [[nodiscard]] std::uint32_t find(std::string_view name, std::uint32_t kind) const noexcept {
    std::uint32_t id = 1;
    for (std::size_t at = 0; at + sizeof(type) <= types_.size(); ++id) {
      type entry{};
      std::memcpy(&entry, types_.data() + at, sizeof entry);
      if ((entry.info >> 24 & 0x1f) == kind && is_called(entry.name_offset, name)) return id;
      std::ptrdiff_t const extra = extra_bytes(entry.info);
      if (extra < 0) return 0;
      at += sizeof entry + static_cast<std::size_t>(extra);
    }
    return 0;
  }

 private:
  struct header {
    std::uint16_t magic;
    std::uint8_t version;
    std::uint8_t flags;
    std::uint32_t length;
    std::uint32_t type_offset;
    std::uint32_t type_length;
    std::uint32_t string_offset;
    std::uint32_t string_length;
  };
  struct type {
    std::uint32_t name_offset;
    std::uint32_t info;
    std::uint32_t size_or_type;
  };

  static bool inside(std::span<std::byte const> body, std::uint32_t offset, std::uint32_t length) noexcept {
    return offset <= body.size() && length <= body.size() - offset;
  }

  [[nodiscard]] bool is_called(std::uint32_t offset, std::string_view name) const noexcept {
    return offset < strings_.size() && name.size() < strings_.size() - offset &&
           std::memcmp(strings_.data() + offset, name.data(), name.size()) == 0 &&
           strings_[offset + name.size()] == std::byte{0};
  }

  // What follows a type of this kind, in bytes; -1: unknown, so nothing after it can be found.
  static std::ptrdiff_t extra_bytes(std::uint32_t info) noexcept {
    std::ptrdiff_t const members = info & 0xffff;
    switch (info >> 24 & 0x1f) {
      case 1:   // INT
      case 14:  // VAR
      case 17:
        return 4;  // DECL_TAG
      case 2:
      case 7:
      case 8:
      case 9:
      case 10:
      case 11:  // PTR FWD TYPEDEF VOLATILE CONST RESTRICT
      case kind_func:
      case 16:
      case 18:
        return 0;  // FLOAT TYPE_TAG
      case 3:
        return 12;  // ARRAY
      case 4:
      case 5:
      case 15:
      case 19:
        return 12 * members;  // STRUCT UNION DATASEC ENUM64
      case 6:
      case 13:
        return 8 * members;  // ENUM FUNC_PROTO
      default:
        return -1;
    }
  }

  std::span<std::byte const> types_;
  std::span<std::byte const> strings_;
};

/// The id of function `name` in the kernel's BTF at `path`, or 0 if the kernel has none or no BTF.
/// @cost reads the whole file, about 5 MB: 1 to 3 ms
inline std::uint32_t find_kernel_function(char const* path, std::string_view name) noexcept {
  std::FILE* const file = std::fopen(path, "re");
  if (file == nullptr) return 0;
  std::setvbuf(file, nullptr, _IONBF, 0);
  std::unique_ptr<std::byte[]> data;
  std::size_t size = 0;
  // sysfs tells the size of this file, unlike that of most.
  if (std::fseek(file, 0, SEEK_END) == 0) {
    long const end = std::ftell(file);
    if (end > 0 && std::fseek(file, 0, SEEK_SET) == 0) {
      data.reset(new (std::nothrow) std::byte[static_cast<std::size_t>(end)]);
      if (data) size = std::fread(data.get(), 1, static_cast<std::size_t>(end), file);
    }
  }
  std::fclose(file);
  return btf_view({data.get(), size}).find(name, btf_view::kind_func);
}

inline constexpr char const* vmlinux_btf = "/sys/kernel/btf/vmlinux";

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
