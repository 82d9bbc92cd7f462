// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_KEYLESS_MAP_HPP
#define BPFMAP_ENGINE_KEYLESS_MAP_HPP

// What maps without keys share: queue, stack and bloom_filter. The kernel wants no key where it takes one.

#include <cstdint>
#include <memory>
#include <optional>
#include <system_error>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/engine/map_handle.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

template <class Derived, map_type Type, map_value T>
class keyless_map : public typed_map<Derived, Type> {
 public:
  using value_type = T;
  using size_type = std::uint64_t;

  // Near misses: these belong to maps with keys, or to other types. They never compile, and say why.
  template <class... A>
  void find(A&&...) const
    requires keyed<Type>;
  template <class... A>
  void at(A&&...) const
    requires keyed<Type>;
  template <class... A>
  bool contains(A&&...) const
    requires keyed<Type>;
  template <class... A>
  bool insert(A&&...) const
    requires keyed<Type>;
  template <class... A>
  bool assign(A&&...) const
    requires keyed<Type>;
  template <class... A>
  void insert_or_assign(A&&...) const
    requires keyed<Type>;
  template <class... A>
  bool erase(A&&...) const
    requires erasable<Type>;
  template <class... A>
  void extract(A&&...) const
    requires keyed<Type>;
  template <class... A>
  bool push(A&&...) const
    requires takeable<Type>;
  template <class... A>
  void pop(A&&...) const
    requires takeable<Type>;
  template <class... A>
  void peek(A&&...) const
    requires takeable<Type>;
  template <class... A>
  size_type size(A&&...) const
    requires countable<Type>;
  template <class... A>
  bool empty(A&&...) const
    requires countable<Type>;
  template <class... A>
  void for_each(A&&...) const
    requires iterable<Type>;
  template <class... A>
  void entries(A&&...) const
    requires iterable<Type>;
  template <class... A>
  void keys(A&&...) const
    requires iterable<Type>;
  template <class... A>
  void values(A&&...) const
    requires iterable<Type>;
  template <class... A>
  void begin(A&&...) const
    requires iterable<Type>;
  template <class... A>
  void end(A&&...) const
    requires iterable<Type>;
  template <class... A>
  void span(A&&...) const
    requires mappable<Type>;

 protected:
  static map_expectation expectation() noexcept {
    return {.type = Type, .key_size = 0, .value_size = sizeof(T), .flags = traits_of(Type).flags_required};
  }
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
