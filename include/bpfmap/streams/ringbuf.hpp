// SPDX-License-Identifier: MIT
#ifndef BPFMAP_STREAMS_RINGBUF_HPP
#define BPFMAP_STREAMS_RINGBUF_HPP

#include <cstddef>
#include <span>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/engine/ring_map.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// BPF_MAP_TYPE_RINGBUF, Linux 5.8: one stream of records from the programs on all CPUs to user space, in order.
///
/// `Event` is the struct that programs send with bpf_ringbuf_submit or bpf_ringbuf_output, or
/// std::span<std::byte const> for records as they come.
///
/// max_entries is the room in bytes. It is rounded up to a power of two of whole pages (max_size() tells); 2 GiB at
/// the most. The descriptor becomes readable, for epoll(7) and its kin, when records have come.
/// @code
/// auto events = bpfmap::ringbuf<my_event>::create({.name = "events", .max_entries = 1 << 20});
/// if (events.pending() > events.capacity() / 2) …
/// @endcode
template <stream_event Event = std::span<std::byte const>>
class ringbuf : public detail::ring_map<ringbuf<Event>, map_type::ringbuf> {
  friend typename ringbuf::typed_map;

 public:
  using event_type = Event;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
