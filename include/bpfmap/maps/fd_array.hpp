// SPDX-License-Identifier: MIT
#ifndef BPFMAP_MAPS_FD_ARRAY_HPP
#define BPFMAP_MAPS_FD_ARRAY_HPP

// Arrays whose slots hold kernel objects: prog_array and cgroup_array. (perf_event_array is a stream.)

#include <cerrno>
#include <cstdint>
#include <system_error>

#include <fcntl.h>

#include <bpfmap/core/cstring.hpp>
#include <bpfmap/core/handles.hpp>
#include <bpfmap/engine/handle_values.hpp>
#include <bpfmap/engine/keyed_map.hpp>
#include <bpfmap/kernel/fd.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// BPF_MAP_TYPE_PROG_ARRAY, Linux 4.2: programs that others jump to with bpf_tail_call.
///
/// A program goes in, by its descriptor, and its id comes out (BPF_PROG_GET_FD_BY_ID opens it again). The slots
/// are empty at first. All programs of a map, and those that jump through it, are of one type, and alike in what the
/// kernel compares (`bpf_prog_map_compatible`); what is not is EINVAL.
///
/// The map keeps its programs loaded, but not itself: when the last descriptor and pin of the map are gone, the kernel
/// empties it (`prog_array_map_clear`), though loaded programs still use it, and their tail calls fall through. Keep
/// one of these objects, or pin the map, for as long as the jumps are to work. A program that is replaced or
/// erased is still run to its end where it runs already.
/// @code
/// auto steps = object.map<bpfmap::prog_array>("steps");
/// steps.insert_or_assign(0, object.program("parse"));
/// std::optional<std::uint32_t> id = steps.find(0);
/// @endcode
class prog_array
    : public detail::keyed_map<prog_array, map_type::prog_array, std::uint32_t, detail::handle_values<program_fd>> {
  friend typename prog_array::typed_map;
};

/// BPF_MAP_TYPE_CGROUP_ARRAY, Linux 4.8: cgroups (v2) that programs test against, with bpf_skb_under_cgroup and
/// bpf_current_task_under_cgroup.
///
/// A cgroup goes in by its directory; nothing comes out: user space cannot ask which it is, nor whether a slot is
/// empty. The map keeps the cgroup, though not its directory: one that is removed meanwhile has no members any more.
/// @code
/// auto watched = object.map<bpfmap::cgroup_array>("watched");
/// watched.insert_or_assign(0, "/sys/fs/cgroup/system.slice");
/// @endcode
class cgroup_array
    : public detail::keyed_map<cgroup_array, map_type::cgroup_array, std::uint32_t, detail::handle_values<cgroup_fd>> {
  using base = keyed_map;
  friend typename cgroup_array::typed_map;

 public:
  using base::insert_or_assign;

  /// Puts the cgroup at `path` at `index`.
  /// @errors ENOENT, ENOTDIR, EACCES no such directory; EBADF it is none of a cgroup v2 hierarchy; E2BIG the index is
  ///         out of range
  /// @cost three system calls
  void insert_or_assign(std::uint32_t index, cstring_view path, std::error_code& ec) const noexcept {
    if (unique_fd const directory = open_directory(path, ec)) insert_or_assign(index, cgroup_fd(directory.get()), ec);
  }
#if BPFMAP_EXCEPTIONS
  void insert_or_assign(std::uint32_t index, cstring_view path) const {
    std::error_code ec;
    unique_fd const directory = open_directory(path, ec);
    if (ec) this->fail(operation::insert_or_assign, ec, detail::join("the directory is '", path.c_str(), "'"));
    insert_or_assign(index, cgroup_fd(directory.get()));
  }
#endif

 private:
  static unique_fd open_directory(cstring_view path, std::error_code& ec) noexcept {
    unique_fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ec = directory ? std::error_code{} : make_error(errno);
    return directory;
  }
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
