// SPDX-License-Identifier: MIT
#ifndef BPFMAP_MAPS_STACK_TRACE_HPP
#define BPFMAP_MAPS_STACK_TRACE_HPP

// Call stacks that BPF programs took with bpf_get_stackid: as addresses, or as build ids and file offsets.

#include <algorithm>
#include <array>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <system_error>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/engine/keyed_map.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// A frame of a user-space stack that can be resolved on another machine, after the process is gone: which file,
/// and where in it. The kernel's struct bpf_stack_build_id.
struct build_id_frame {
  enum class kind : std::int32_t {
    none = 0,      ///< behind the last frame
    build_id = 1,  ///< build_id and position, an offset in the file
    address = 2    ///< the file could not be read at that moment: position is an address, build_id is zeros
  };

  kind how = kind::none;
  std::array<std::byte, 20> build_id{};  ///< as in the file's NT_GNU_BUILD_ID note; shorter ones end in zeros
  std::uint64_t position = 0;

  /// The offset in the file, if the kernel could tell.
  [[nodiscard]] constexpr std::optional<std::uint64_t> file_offset() const noexcept {
    return how == kind::build_id ? std::optional(position) : std::nullopt;
  }
  friend bool operator==(build_id_frame const&, build_id_frame const&) = default;
};

/// What a stack consists of.
template <class Frame>
concept stack_frame = because<std::same_as<Frame, std::uint64_t> || std::same_as<Frame, build_id_frame>,
                              "the kernel keeps stacks as std::uint64_t addresses or as build_id_frame">;

/// A call stack of at most `Depth` frames, the innermost first: a contiguous range.
template <std::size_t Depth, stack_frame Frame = std::uint64_t>
class stack_frames {
 public:
  using value_type = Frame;

  stack_frames() = default;

  [[nodiscard]] Frame const* begin() const noexcept { return frames_.data(); }
  [[nodiscard]] Frame const* end() const noexcept { return std::find(frames_.begin(), frames_.end(), Frame{}); }
  [[nodiscard]] Frame const* data() const noexcept { return frames_.data(); }
  /// How many frames there are: the kernel marks the end by zeros.
  /// @cost reads the frames
  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(end() - begin()); }
  [[nodiscard]] bool empty() const noexcept { return frames_.front() == Frame{}; }
  /// Whether all `Depth` frames are used: outer ones may be missing.
  [[nodiscard]] bool full() const noexcept { return frames_.back() != Frame{}; }
  /// Frame `i`, which must be below size().
  [[nodiscard]] Frame const& operator[](std::size_t i) const noexcept { return frames_[i]; }
  friend bool operator==(stack_frames const&, stack_frames const&) = default;

 private:
  std::array<Frame, Depth> frames_{};
};

namespace detail {

template <std::size_t Depth>
concept stack_depth = because<Depth >= 1, "a stack has at least one frame">;

}  // namespace detail

/// BPF_MAP_TYPE_STACK_TRACE, Linux 4.6: call stacks that programs stored with bpf_get_stackid, under the id that
/// it returned.
///
/// `Depth` is how many frames a stack can have: sysctl kernel.perf_event_max_stack (127) at the most. `Frame` is
/// std::uint64_t for addresses, or build_id_frame (Linux 4.17) for user-space stacks by build id and offset.
///
/// Ids are hashes of stacks, in a table of max_entries rounded up to a power of two: they may be larger than
/// max_entries. Equal stacks share an id. Of stacks that differ but have the same hash the first stays and the
/// program gets -EEXIST, unless it says BPF_F_REUSE_STACKID; when there are max_entries stacks it gets -ENOMEM, until
/// user space erases some. Such a negative id is in no map: find() of it is nothing. User space cannot write stacks.
/// @code
/// auto stacks = bpfmap::stack_trace<64>::bind(skeleton->maps.stacks);
/// if (auto const stack = stacks.find(id)) {
///   for (std::uint64_t address : *stack) …
/// }
/// @endcode
template <std::size_t Depth = 127, stack_frame Frame = std::uint64_t>
  requires detail::stack_depth<Depth>
class stack_trace : public detail::keyed_map<stack_trace<Depth, Frame>, map_type::stack_trace, std::uint32_t,
                                             detail::plain_values<stack_frames<Depth, Frame>>> {
  using base = detail::keyed_map<stack_trace<Depth, Frame>, map_type::stack_trace, std::uint32_t,
                                 detail::plain_values<stack_frames<Depth, Frame>>>;

 public:
  using frame_type = Frame;

  /// Removes the stack with this id. BPF_MAP_DELETE_ELEM.
  /// @return true: removed; false: there was none (also for ids that no stack of this map can have)
  /// @errors EPERM the descriptor is read-only, or the map is frozen
  /// @cost one system call
  bool erase(std::uint32_t id, std::error_code& ec) const noexcept {
    bool const erased = base::erase(id, ec);
    // The kernel has an errno of its own for ids behind its table (kernel/bpf/stackmap.c, stack_map_delete_elem).
    if (ec.value() == E2BIG) ec.clear();
    return erased;
  }
  bool erase(std::uint32_t id) const
    requires throwing<>
  {
    std::error_code ec;
    bool const erased = erase(id, ec);
    if (ec) this->fail(operation::erase, -ec.value());
    return erased;
  }

 private:
  friend typename base::typed_map;

  static constexpr bool by_build_id = std::same_as<Frame, build_id_frame>;

  static detail::map_expectation expectation() noexcept {
    detail::map_expectation wanted = base::expectation();
    if constexpr (by_build_id) wanted.flags |= map_flags::stack_build_id;
    return wanted;
  }

  // How deep stacks may be is a setting of the machine (kernel/bpf/stackmap.c, stack_map_alloc).
  static std::string creation_hint(create_options const& options, int number) {
    unsigned long most = 0;
    if (std::FILE* const file = std::fopen("/proc/sys/kernel/perf_event_max_stack", "re"); file != nullptr) {
      if (std::fscanf(file, "%lu", &most) != 1) most = 0;
      std::fclose(file);
    }
    if (number == EINVAL && most != 0 && Depth > most) {
      return detail::join("stacks of ", Depth,
                          " frames are too deep for this machine: sysctl kernel.perf_event_max_stack is ", most);
    }
    return base::creation_hint(options, number);
  }

  // Sizes alone do not tell: four addresses take as many bytes as a build id.
  void open(std::error_code& ec, std::string* why) {
    if (by_build_id || (this->info().flags & map_flags::stack_build_id) == 0) return;
    ec = make_error(EINVAL);
    if (why != nullptr) {
      *why = detail::join("its stacks are build ids, not addresses: use stack_trace<",
                          this->info().value_size / sizeof(build_id_frame), ", build_id_frame>");
    }
  }
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
