// SPDX-License-Identifier: MIT
#ifndef BPFMAP_MAPS_HASH_HPP
#define BPFMAP_MAPS_HASH_HPP

// The hash family: hash, lru_hash, percpu_hash, lru_percpu_hash, rhash.

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/reduce.hpp>
#include <bpfmap/engine/aggregate_map.hpp>
#include <bpfmap/engine/percpu_map.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// BPF_MAP_TYPE_HASH, Linux 3.19: any bytes to any bytes.
///
/// Holds max_entries elements; one more is E2BIG. Memory for all of them is taken at once, unless created with
/// map_flags::no_prealloc.
/// @code
/// auto flows = bpfmap::hash<flow_key, flow_stats>::create({.name = "flows", .max_entries = 65536});
/// if (!flows.insert(key, {.packets = 1})) flows.assign(key, stats);
/// for (auto const& [key, stats] : flows) …
/// @endcode
template <hash_key Key, map_value Value>
class hash : public detail::aggregate_map<hash<Key, Value>, map_type::hash, Key, detail::plain_values<Value>> {
  friend typename hash::typed_map;
};

/// BPF_MAP_TYPE_LRU_HASH, Linux 4.10: a hash that drops the elements least recently used to make room.
///
/// insert() and insert_or_assign() never fail for lack of room. The kernel evicts before max_entries is
/// reached, in groups, and with map_flags::no_common_lru each CPU has a share of its own. A lookup from user
/// space does not count as use.
template <hash_key Key, map_value Value>
class lru_hash
    : public detail::aggregate_map<lru_hash<Key, Value>, map_type::lru_hash, Key, detail::plain_values<Value>> {
  friend typename lru_hash::typed_map;
};

/// BPF_MAP_TYPE_PERCPU_HASH, Linux 4.6: a hash with a value for each CPU, always seen reduced to one.
///
/// `Slot` is what a BPF program sees as the value; `Reducer` makes one value of all CPUs' slots (a sum, if not
/// said otherwise). Writing sets every CPU's slot so that reading gives the value again.
/// @code
/// auto hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>::bind(skeleton->maps.hits);
/// std::uint64_t total = hits.at(7);  // over all CPUs
/// @endcode
template <hash_key Key, per_cpu_slot Slot, class Reducer = reduce::sum>
  requires reducer<Reducer, Slot>
class percpu_hash
    : public detail::percpu_map<percpu_hash<Key, Slot, Reducer>, map_type::percpu_hash, Key, Slot, Reducer> {
  friend typename percpu_hash::typed_map;
};

/// BPF_MAP_TYPE_LRU_PERCPU_HASH, Linux 4.10: percpu_hash that drops elements like lru_hash.
template <hash_key Key, per_cpu_slot Slot, class Reducer = reduce::sum>
  requires reducer<Reducer, Slot>
class lru_percpu_hash
    : public detail::percpu_map<lru_percpu_hash<Key, Slot, Reducer>, map_type::lru_percpu_hash, Key, Slot, Reducer> {
  friend typename lru_percpu_hash::typed_map;
};

/// BPF_MAP_TYPE_RHASH, Linux 7.2: a hash that grows and shrinks with what is in it.
///
/// Memory is taken as elements come, so max_entries may be generous; create_options::map_extra is how many to make room
/// for at once, 0 if that is not known. Replacing a value changes it in place: a reader may see half of a write of more
/// than 8 bytes, unless `locked`. There is no counter: size() walks. Programs for tracing cannot use it.
/// @errors create(): EINVAL the kernel is older than 7.2, as the error says
template <hash_key Key, map_value Value>
class rhash : public detail::aggregate_map<rhash<Key, Value>, map_type::rhash, Key, detail::plain_values<Value>> {
  friend typename rhash::typed_map;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
