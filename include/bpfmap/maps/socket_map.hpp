// SPDX-License-Identifier: MIT
#ifndef BPFMAP_MAPS_SOCKET_MAP_HPP
#define BPFMAP_MAPS_SOCKET_MAP_HPP

// Maps of sockets: sockmap, sockhash, reuseport_sockarray.

#include <cstdint>
#include <type_traits>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/handles.hpp>
#include <bpfmap/engine/handle_values.hpp>
#include <bpfmap/engine/keyed_map.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// How wide a socket map's values are: 8 bytes, and a lookup gives the socket's cookie (the number that
/// SO_COOKIE and bpf_get_socket_cookie give).
struct cookies {
  using integer = std::uint64_t;
};
/// How wide a socket map's values are: 4 bytes. Sockets go in and out of use, but cannot be looked up (ENOSPC).
struct no_cookies {
  using integer = std::uint32_t;
};

namespace detail {

template <class Lookup>
concept socket_lookup = because<std::is_same_v<Lookup, cookies> || std::is_same_v<Lookup, no_cookies>,
                                "a socket map has cookies (8-byte values) or no_cookies (4-byte values)">;

// A socket's descriptor in, its cookie out.
template <socket_lookup Lookup>
struct socket_values : handle_values<socket_fd, typename Lookup::integer> {
  static constexpr bool readable = std::is_same_v<Lookup, cookies>;
};

// The kernel has room for 512 bytes of key (MAX_BPF_STACK).
template <class Key>
concept sockhash_key = hash_key<Key> && because<sizeof(Key) <= traits_of(map_type::sockhash).max_key_size,
                                                "a key of a sockhash may have 512 bytes at the most">;

}  // namespace detail

/// BPF_MAP_TYPE_SOCKMAP, Linux 4.14: sockets at indices, for programs that send messages straight from one socket to
/// another (bpf_sk_redirect_map, bpf_msg_redirect_map).
///
/// Sockets go in, by descriptor, and cookies come out (Linux 5.7). TCP sockets that listen or are established, UDP,
/// connected Unix stream and vsock sockets fit; others are EOPNOTSUPP. An entry goes when its socket is closed; the map
/// does not keep it open. Programs attached to the map (BPF_SK_SKB_VERDICT, BPF_SK_MSG_VERDICT) work on sockets that
/// come in afterwards, and are detached when the map's last descriptor and pin are gone.
/// @code
/// auto peers = object.map<bpfmap::sockmap<>>("peers");
/// peers.insert_or_assign(0, bpfmap::socket_fd(accepted));
/// std::optional<std::uint64_t> cookie = peers.find(0);
/// @endcode
template <detail::socket_lookup Lookup = cookies>
class sockmap
    : public detail::keyed_map<sockmap<Lookup>, map_type::sockmap, std::uint32_t, detail::socket_values<Lookup>> {
  friend typename sockmap::typed_map;
};

/// BPF_MAP_TYPE_SOCKHASH, Linux 4.18: a sockmap with keys of any kind, of at most 512 bytes.
/// @code
/// auto peers = bpfmap::sockhash<connection>::create({.name = "peers", .max_entries = 1024});
/// @endcode
template <detail::sockhash_key Key, detail::socket_lookup Lookup = cookies>
class sockhash
    : public detail::keyed_map<sockhash<Key, Lookup>, map_type::sockhash, Key, detail::socket_values<Lookup>> {
  friend typename sockhash::typed_map;
};

/// BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, Linux 4.19: the sockets of a port among which an sk_reuseport program chooses
/// (bpf_sk_select_reuseport).
///
/// Sockets go in, by descriptor, and cookies come out. A socket fits that has SO_REUSEPORT and is bound (UDP), or
/// listens (TCP), otherwise EINVAL; and that is in no such array yet, otherwise EBUSY. An entry goes when its socket is
/// closed.
template <detail::socket_lookup Lookup = cookies>
class reuseport_sockarray : public detail::keyed_map<reuseport_sockarray<Lookup>, map_type::reuseport_sockarray,
                                                     std::uint32_t, detail::socket_values<Lookup>> {
  friend typename reuseport_sockarray::typed_map;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
