// SPDX-License-Identifier: MIT
#ifndef BPFMAP_STREAMS_USER_RINGBUF_HPP
#define BPFMAP_STREAMS_USER_RINGBUF_HPP

#include <cstddef>
#include <span>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/engine/ring_map.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// BPF_MAP_TYPE_USER_RINGBUF, Linux 6.1: one stream of records from user space to programs, which take them with
/// bpf_user_ringbuf_drain.
///
/// `Event` is the struct that programs expect, or std::span<std::byte const> for records of any length.
///
/// max_entries is the room in bytes. It is rounded up to a power of two of whole pages (max_size() tells); 2 GiB at
/// the most. The descriptor becomes writable, for epoll(7) and its kin, when a program has made room.
/// @code
/// auto commands = bpfmap::user_ringbuf<my_command>::bind(skeleton->maps.commands);
/// if (commands.pending() == 0) …  // the program has seen all of them
/// @endcode
template <stream_event Event = std::span<std::byte const>>
class user_ringbuf : public detail::ring_map<user_ringbuf<Event>, map_type::user_ringbuf> {
  friend typename user_ringbuf::typed_map;

 public:
  using event_type = Event;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
