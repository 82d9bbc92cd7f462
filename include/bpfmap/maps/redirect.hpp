// SPDX-License-Identifier: MIT
#ifndef BPFMAP_MAPS_REDIRECT_HPP
#define BPFMAP_MAPS_REDIRECT_HPP

// Where XDP programs send frames with bpf_redirect_map: devmap and devmap_hash (interfaces), cpumap (CPUs), xskmap
// (AF_XDP sockets).

#include <cerrno>
#include <cstdint>
#include <optional>
#include <type_traits>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/handles.hpp>
#include <bpfmap/engine/handle_values.hpp>
#include <bpfmap/engine/keyed_map.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// What is written to a devmap: an interface of this network namespace, and a program that sees every frame on its
/// way out of it (section xdp/devmap, Linux 5.8).
struct devmap_value {
  std::uint32_t ifindex = 0;  ///< never 0
  std::optional<program_fd> program = {};
};

/// What a lookup in a devmap gives: the interface, and the program's id.
struct devmap_entry {
  std::uint32_t ifindex = 0;
  std::uint32_t program_id = 0;  ///< 0: none
  friend bool operator==(devmap_entry const&, devmap_entry const&) = default;
};

/// A devmap's value of 4 bytes, without a program.
struct devmap_device {
  std::uint32_t ifindex = 0;  ///< never 0
  friend bool operator==(devmap_device const&, devmap_device const&) = default;
};

/// What is written to a cpumap: how many frames may wait for the CPU, 1 to 16384, and a program that is run for each
/// of them there (section xdp/cpumap, Linux 5.9).
struct cpumap_value {
  std::uint32_t queue_size = 0;
  std::optional<program_fd> program = {};
};

/// What a lookup in a cpumap gives: the queue's size, and the program's id.
struct cpumap_entry {
  std::uint32_t queue_size = 0;
  std::uint32_t program_id = 0;  ///< 0: none
  friend bool operator==(cpumap_entry const&, cpumap_entry const&) = default;
};

/// A cpumap's value of 4 bytes, without a program.
struct cpumap_queue {
  std::uint32_t queue_size = 0;
  friend bool operator==(cpumap_queue const&, cpumap_queue const&) = default;
};

namespace detail {

// The kernel's struct bpf_devmap_val and struct bpf_cpumap_val.
struct redirect_slot {
  std::uint32_t target;
  std::int32_t program;
};

// To the kernel 0 is an order to erase, and the program of descriptor 0 is none: neither may come from a value.
template <class Value, class Entry, std::uint32_t Value::*Target>
struct target_with_program : translated_values<Value, Entry, redirect_slot> {
  static int encode(Value const& value, redirect_slot& slot) noexcept {
    if (value.*Target == 0) return -EINVAL;
    if (value.program && value.program->get() <= 0) return -EBADF;
    slot = {.target = value.*Target, .program = value.program ? value.program->get() : 0};
    return 0;
  }
};
template <class Value, std::uint32_t Value::*Target>
struct bare_target : translated_values<Value, Value, Value> {
  static int encode(Value const& value, Value& slot) noexcept {
    slot = value;
    return value.*Target == 0 ? -EINVAL : 0;
  }
};

template <class Value>
struct redirect_values {};
template <>
struct redirect_values<devmap_value> : target_with_program<devmap_value, devmap_entry, &devmap_value::ifindex> {};
template <>
struct redirect_values<devmap_device> : bare_target<devmap_device, &devmap_device::ifindex> {};
template <>
struct redirect_values<cpumap_value> : target_with_program<cpumap_value, cpumap_entry, &cpumap_value::queue_size> {};
template <>
struct redirect_values<cpumap_queue> : bare_target<cpumap_queue, &cpumap_queue::queue_size> {};

template <class Value>
concept device_value = because<std::is_same_v<Value, devmap_value> || std::is_same_v<Value, devmap_device>,
                               "the values of a devmap are devmap_value (8 bytes) or devmap_device (4 bytes)">;
template <class Value>
concept cpu_queue_value = because<std::is_same_v<Value, cpumap_value> || std::is_same_v<Value, cpumap_queue>,
                                  "the values of a cpumap are cpumap_value (8 bytes) or cpumap_queue (4 bytes)">;

}  // namespace detail

/// BPF_MAP_TYPE_DEVMAP, Linux 4.14: interfaces at indices.
///
/// Interfaces are those of the network namespace that the calling thread is in; an unknown one, or 0, is EINVAL. An
/// entry goes when its interface does. What goes in is a devmap_value, with a descriptor of a program; what comes out
/// is a devmap_entry, with the program's id. A map whose values have 4 bytes is a `devmap<devmap_device>`.
/// @code
/// auto ports = object.map<bpfmap::devmap<>>("ports");
/// ports.insert_or_assign(0, {.ifindex = if_nametoindex("eth1"), .program = object.program("leaving")});
/// if (auto const port = ports.find(0)) … port->ifindex, port->program_id …
/// @endcode
template <detail::device_value Value = devmap_value>
class devmap
    : public detail::keyed_map<devmap<Value>, map_type::devmap, std::uint32_t, detail::redirect_values<Value>> {
  friend typename devmap::typed_map;
};

/// BPF_MAP_TYPE_DEVMAP_HASH, Linux 5.4: interfaces under keys of any number, such as their own index.
template <detail::device_value Value = devmap_value>
class devmap_hash : public detail::keyed_map<devmap_hash<Value>, map_type::devmap_hash, std::uint32_t,
                                             detail::redirect_values<Value>> {
  friend typename devmap_hash::typed_map;
};

/// BPF_MAP_TYPE_CPUMAP, Linux 4.15: CPUs, by id, each with a queue of frames and a kernel thread that takes them from
/// there, through a program if there is one, into the network stack.
///
/// max_entries must be above the highest CPU id that is used. ENODEV: no such possible CPU; EOVERFLOW: more than 16384
/// frames; EINVAL, before Linux 7 ENOMEM: a program that does not fit. A new entry for a CPU starts a new thread; the
/// frames of the old queue still go their way.
/// @code
/// auto cpus = object.map<bpfmap::cpumap<>>("cpus");
/// cpus.insert_or_assign(1, {.queue_size = 192, .program = object.program("on_cpu")});
/// @endcode
template <detail::cpu_queue_value Value = cpumap_value>
class cpumap
    : public detail::keyed_map<cpumap<Value>, map_type::cpumap, std::uint32_t, detail::redirect_values<Value>> {
  friend typename cpumap::typed_map;
};

/// BPF_MAP_TYPE_XSKMAP, Linux 4.18: AF_XDP sockets, usually at the number of the receive queue that they are bound to.
///
/// A socket goes in, by its descriptor (on older kernels once it has memory and rings), and nothing comes out. The
/// kernel does not tell empty slots from others: erase() is true for any index in range, and insert() also for the
/// socket that is there already. An entry goes when its socket is closed.
class xskmap : public detail::keyed_map<xskmap, map_type::xskmap, std::uint32_t, detail::handle_values<socket_fd>> {
  friend typename xskmap::typed_map;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
