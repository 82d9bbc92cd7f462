// SPDX-License-Identifier: MIT
#ifndef BPFMAP_MAPS_LPM_TRIE_HPP
#define BPFMAP_MAPS_LPM_TRIE_HPP

// lpm_trie: values for prefixes, found by the longest that matches.

#include <concepts>
#include <optional>
#include <system_error>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/lpm_key.hpp>
#include <bpfmap/engine/aggregate_map.hpp>

namespace bpfmap::inline BPFMAP_ABI {

namespace detail {

template <class Key>
inline constexpr bool is_lpm_key = false;
template <class Address>
inline constexpr bool is_lpm_key<lpm_key<Address>> = true;

template <class Key>
concept prefix_key = because<is_lpm_key<Key>,
                             "the key of an lpm_trie has a prefix length: use bpfmap::lpm_key<bpfmap::ipv4>, "
                             "lpm_key<bpfmap::ipv6> or lpm_key<std::array<std::byte, N>>, whose bytes are those of the "
                             "C struct { __u32 prefixlen; __u8 address[N]; }">;

template <class Address>
concept prefix_length_given = because<is_lpm_key<Address>,
                                      "this writes a prefix, and an address alone has no length: say "
                                      "lpm_key(address, length), or lpm_key(address) for all of its bits">;

}  // namespace detail

/// BPF_MAP_TYPE_LPM_TRIE, Linux 4.11: a value for each prefix, found by the longest that an address begins with.
///
/// Writing (insert, assign, insert_or_assign, erase) and walking is by exact prefix. Looking up (find, at, contains)
/// is by longest match: of an address, the longest prefix that it begins with; of a prefix, the longest one that
/// contains all of it, itself included. So contains(prefix) does not tell that just this one is stored: the kernel
/// has no such question.
///
/// Walks give prefixes whose other bits are 0, also where another program wrote some that are not: the kernel keeps
/// those bits, and looks at them nowhere.
///
/// A full trie is ENOSPC. Kernels before 6.13 lack two mends of kernel/bpf/lpm_trie.c, trie_update_elem(), unless their
/// stable release brought them: insert() and assign() then write whether the prefix is there or not, and a value in a
/// full trie cannot be replaced (so still in 5.10.262). A walk begins again if the prefix that it stands at is erased
/// meanwhile, and gives some prefixes twice.
/// @code
/// auto routes = bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv4>, next_hop>::create({.name = "routes", .max_entries =
/// 1024}); routes.insert("10.0.0.0/8"_cidr, core); if (auto hop = routes.find("10.1.2.3"_ip)) …
/// @endcode
template <detail::prefix_key Key, map_value Value>
class lpm_trie
    : public detail::aggregate_map<lpm_trie<Key, Value>, map_type::lpm_trie, Key, detail::plain_values<Value>> {
  using base = detail::aggregate_map<lpm_trie<Key, Value>, map_type::lpm_trie, Key, detail::plain_values<Value>>;
  friend typename base::typed_map;

 public:
  using address_type = typename Key::address_type;

  using base::at;
  using base::contains;
  using base::find;

  /// The value of the longest prefix that `address` begins with.
  /// @errors, @cost as find(key)
  [[nodiscard]] std::optional<Value> find(address_type const& address, std::error_code& ec) const noexcept {
    return base::find(Key(address), ec);
  }
  [[nodiscard]] std::optional<Value> find(address_type const& address) const
    requires throwing<>
  {
    return base::find(Key(address));
  }
  [[nodiscard]] Value at(address_type const& address, std::error_code& ec) const noexcept {
    return base::at(Key(address), ec);
  }
  [[nodiscard]] Value at(address_type const& address) const
    requires throwing<>
  {
    return base::at(Key(address));
  }
  [[nodiscard]] bool contains(address_type const& address, std::error_code& ec) const noexcept {
    return base::contains(Key(address), ec);
  }
  [[nodiscard]] bool contains(address_type const& address) const
    requires throwing<>
  {
    return base::contains(Key(address));
  }

  // Near misses: these never compile, and say why.
  using base::assign;
  using base::erase;
  using base::insert;
  using base::insert_or_assign;
  template <std::same_as<address_type> A, class... More>
  bool insert(A const&, More&&...) const
    requires detail::prefix_length_given<A>;
  template <std::same_as<address_type> A, class... More>
  bool assign(A const&, More&&...) const
    requires detail::prefix_length_given<A>;
  template <std::same_as<address_type> A, class... More>
  void insert_or_assign(A const&, More&&...) const
    requires detail::prefix_length_given<A>;
  template <std::same_as<address_type> A, class... More>
  bool erase(A const&, More&&...) const
    requires detail::prefix_length_given<A>;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
