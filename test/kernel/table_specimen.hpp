// SPDX-License-Identifier: MIT
// A real map of each type with a real element, made from nothing but the type's row of traits and what the row
// names: sockets, cgroups, programs, interfaces.
#ifndef BPFMAP_TEST_KERNEL_TABLE_SPECIMEN_HPP
#define BPFMAP_TEST_KERNEL_TABLE_SPECIMEN_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <bpfmap/bpfmap.hpp>

namespace test {

using bytes = std::vector<std::byte>;

template <class T>
bytes bytes_of(T const& value) {
  auto const raw = std::as_bytes(std::span(&value, 1));
  return {raw.begin(), raw.end()};
}

/// Runs its function when it goes.
class at_end {
 public:
  explicit at_end(std::function<void()> f) : run_(std::move(f)) {}
  at_end(at_end&& other) noexcept : run_(std::exchange(other.run_, nullptr)) {}
  at_end& operator=(at_end&&) = delete;
  ~at_end() {
    if (run_) run_();
  }

 private:
  std::function<void()> run_;
};

/// A v2 cgroup of this process's own, without processes in it; gone with the object.
class own_cgroup {
 public:
  own_cgroup();
  own_cgroup(own_cgroup const&) = delete;
  own_cgroup& operator=(own_cgroup const&) = delete;
  ~own_cgroup();

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// The number by which maps know it.
  [[nodiscard]] std::uint64_t id() const;

 private:
  std::string path_;
  bpfmap::unique_fd fd_;
};

/// What BPF_MAP_CREATE takes for a small map of this type; without BTF and an inner map.
bpfmap::sys::map_shape small_shape(bpfmap::map_traits const& row, std::uint32_t more_room = 0);

/// Creates a map, with the BTF or the inner map that the row demands. A descriptor, or a negative errno.
int create(bpfmap::map_traits const& row, bpfmap::sys::map_shape shape);

/// A map of one type with room for one element (or more, where max_entries counts elements), and the means to put a
/// real one into it.
struct specimen {
  explicit specimen(bpfmap::map_traits const& row, std::uint32_t more_room = 0);

  bpfmap::map_traits const& row;
  bpfmap::sys::map_shape shape;
  bpfmap::unique_fd map;
  bytes key;           ///< of the element; empty if the type has no keys
  bytes beyond;        ///< another, for which there is no room beside the element
  bytes value;         ///< what is put in
  bytes other_value;   ///< another that may be put in: another socket, where one may be in only once
  std::size_t room{};  ///< bytes that a lookup writes

  /// Puts the element in: by BPF_MAP_UPDATE_ELEM where it can, else as the kernel's programs do. 0 or a negative errno.
  int store();

  [[nodiscard]] void const* key_pointer() const { return key.empty() ? nullptr : key.data(); }
  [[nodiscard]] void const* beyond_pointer() const { return beyond.empty() ? nullptr : beyond.data(); }
  int update(void const* at, bytes const& what, std::uint64_t flags);

 private:
  void make_keys();
  void make_values();
  int take_a_stack();
  int attach_to_cgroup();
  int own(int fd);

  std::vector<bpfmap::unique_fd> kept_;
  std::vector<std::unique_ptr<own_cgroup>> cgroups_;
  std::vector<at_end> undo_;
};

}  // namespace test

#endif
