// SPDX-License-Identifier: MIT
#ifndef BPFMAP_MAPS_CGROUP_STORAGE_HPP
#define BPFMAP_MAPS_CGROUP_STORAGE_HPP

// The storages of programs that are attached to cgroups: cgroup_storage, percpu_cgroup_storage. The kernel calls them
// deprecated; cgrp_storage (Linux 6.2) takes their place.

#include <compare>
#include <concepts>
#include <cstdint>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/reduce.hpp>
#include <bpfmap/engine/keyed_map.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// The kernel's struct bpf_cgroup_storage_key: a value for each cgroup and attach type.
struct cgroup_storage_key {
  std::uint64_t cgroup_id = 0;    ///< the inode number of the cgroup's directory
  std::uint32_t attach_type = 0;  ///< a BPF_CGROUP_* of enum bpf_attach_type

  friend auto operator<=>(cgroup_storage_key const&, cgroup_storage_key const&) = default;
};

namespace detail {

template <class Key>
concept cgroup_key =
    because<std::same_as<Key, cgroup_storage_key> || std::same_as<Key, std::uint64_t>,
            "the key of a cgroup storage is a cgroup_storage_key (a value for each cgroup and attach type) or a "
            "std::uint64_t, the cgroup's inode number (one value for all attach types)">;

}  // namespace detail

/// BPF_MAP_TYPE_CGROUP_STORAGE, Linux 4.19, deprecated in favour of cgrp_storage: a value that the programs attached to
/// a cgroup reach with bpf_get_local_storage.
///
/// An element appears when a program that uses the map is attached to a cgroup, and goes with the cgroup or the map.
/// User space reads and replaces elements; it neither adds nor removes any. `Key` is cgroup_storage_key, or
/// std::uint64_t (Linux 5.9) for a value that all programs of a cgroup share.
/// @code
/// auto quota = bpfmap::cgroup_storage<std::uint64_t>::bind(skeleton->maps.quota);
/// for (auto const& [key, bytes] : quota) … key.cgroup_id …
/// @endcode
/// @errors insert_or_assign(): ENOENT no such element
template <map_value T, detail::cgroup_key Key = cgroup_storage_key>
class cgroup_storage
    : public detail::keyed_map<cgroup_storage<T, Key>, map_type::cgroup_storage, Key, detail::plain_values<T>> {
  friend typename cgroup_storage::typed_map;
};

/// BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, Linux 4.20, deprecated like cgroup_storage: with a value for each CPU, always
/// seen reduced to one.
///
/// `Slot` is what a BPF program sees as the value; see percpu_hash.
template <per_cpu_slot Slot, class Reducer = reduce::sum, detail::cgroup_key Key = cgroup_storage_key>
  requires reducer<Reducer, Slot>
class percpu_cgroup_storage
    : public detail::keyed_map<percpu_cgroup_storage<Slot, Reducer, Key>, map_type::percpu_cgroup_storage, Key,
                               detail::reduced_values<Slot, Reducer>> {
  friend typename percpu_cgroup_storage::typed_map;

 public:
  /// What a BPF program sees as the value.
  using slot_type = Slot;
  using reducer_type = Reducer;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
