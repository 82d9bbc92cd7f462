// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_VMLINUX_HPP
#define BPFMAP_KERNEL_VMLINUX_HPP

// Looks names up in the running kernel's BTF. libbpf can do that too, but parses and indexes all of it
// (5 MB, some 10 ms) to answer; one scan for one name takes about a tenth of that and keeps nothing.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include <bpfmap/core/error.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// BTF in memory, as Documentation/bpf/btf.rst of the kernel describes it.
class btf_view {
 public:
  static constexpr std::uint32_t kind_struct = 4;
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

  /// The id of the type called `name` of this kind, or 0.
  [[nodiscard]] std::uint32_t find(std::string_view name, std::uint32_t kind) const noexcept {
    std::uint32_t found = 0;
    walk([&](std::uint32_t id, type const& entry, std::size_t) {
      if (kind_of(entry) == kind && is_called(entry.name_offset, name)) found = id;
      return found == 0;
    });
    return found;
  }

  /// Where `field` begins in struct `name`, in bytes; nothing if there is none, or if it is a bit field.
  [[nodiscard]] std::optional<std::uint32_t> offset_of(std::string_view name, std::string_view field) const noexcept {
    std::optional<std::uint32_t> found;
    walk([&](std::uint32_t, type const& entry, std::size_t members) {
      if (kind_of(entry) != kind_struct || !is_called(entry.name_offset, name)) return true;
      for (std::size_t i = 0; i < (entry.info & 0xffff) && !found; ++i) {
        member one{};
        if (members + (i + 1) * sizeof one > types_.size()) return false;
        std::memcpy(&one, types_.data() + members + i * sizeof one, sizeof one);
        // With this flag, the upper byte of the offset is the width of a bit field.
        bool const bit_field = (entry.info >> 31) != 0 && one.bit_offset >> 24 != 0;
        if (is_called(one.name_offset, field) && !bit_field) found = one.bit_offset / 8;
      }
      return !found;  // another struct of that name may have it
    });
    return found;
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

  struct member {
    std::uint32_t name_offset;
    std::uint32_t type;
    std::uint32_t bit_offset;
  };

  static std::uint32_t kind_of(type const& entry) noexcept { return entry.info >> 24 & 0x1f; }

  // Calls `visit(id, type, where what follows it begins)` until it returns false. Stops at a kind it does not know.
  template <class Visit>
  void walk(Visit const& visit) const noexcept {
    std::uint32_t id = 1;
    for (std::size_t at = 0; at + sizeof(type) <= types_.size(); ++id) {
      type entry{};
      std::memcpy(&entry, types_.data() + at, sizeof entry);
      at += sizeof entry;
      std::ptrdiff_t const extra = extra_bytes(entry.info);
      if (!visit(id, entry, at) || extra < 0) return;
      at += static_cast<std::size_t>(extra);
    }
  }

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
      case kind_struct:
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

/// The kernel's BTF in this process's memory.
class btf_file {
 public:
  /// Empty if it cannot be read.
  /// @errors ENOENT the kernel has no BTF; EACCES; EIO; and for now only: EMFILE, ENFILE, ENOMEM
  /// @cost reads the whole file, about 5 MB: 1 to 3 ms
  btf_file(char const* path, std::error_code& ec) noexcept {
    errno = 0;
    std::FILE* const file = std::fopen(path, "re");
    if (file == nullptr) {
      ec = make_error(errno != 0 ? errno : ENOMEM);
      return;
    }
    ec = make_error(read(file));
    std::fclose(file);
  }

  /// Valid as long as this object.
  [[nodiscard]] btf_view view() const noexcept { return btf_view({data_.get(), size_}); }

 private:
  // 0 or an errno.
  int read(std::FILE* file) noexcept {
    std::setvbuf(file, nullptr, _IONBF, 0);
    // sysfs tells the size of this file, unlike that of most.
    if (std::fseek(file, 0, SEEK_END) != 0) return errno;
    long const end = std::ftell(file);
    if (end == 0) return EIO;
    if (end < 0 || std::fseek(file, 0, SEEK_SET) != 0) return errno;
    auto const bytes = static_cast<std::size_t>(end);
    data_.reset(new (std::nothrow) std::byte[bytes]);
    if (data_ == nullptr) return ENOMEM;
    errno = 0;
    size_ = std::fread(data_.get(), 1, bytes, file);
    if (size_ == bytes) return 0;
    size_ = 0;
    return errno != 0 ? errno : EIO;
  }

  std::unique_ptr<std::byte[]> data_;
  std::size_t size_ = 0;
};

/// The id of function `name` in the kernel's BTF at `path`, or 0 with an error.
/// @errors those of btf_file; ENOENT the kernel has no such function
/// @cost as btf_file
inline std::uint32_t find_kernel_function(char const* path, std::string_view name, std::error_code& ec) noexcept {
  std::uint32_t const id = btf_file(path, ec).view().find(name, btf_view::kind_func);
  if (!ec && id == 0) ec = make_error(ENOENT);
  return id;
}

inline constexpr char const* vmlinux_btf = "/sys/kernel/btf/vmlinux";

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
