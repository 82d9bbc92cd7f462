// SPDX-License-Identifier: MIT
#ifndef BPFMAP_MAPS_BLOOM_FILTER_HPP
#define BPFMAP_MAPS_BLOOM_FILTER_HPP

// bloom_filter: a set that may say yes too often, and never no.

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/engine/keyless_map.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// How to create a bloom_filter.
struct bloom_filter_options {
  map_name name = {};                ///< as of create_options
  std::uint32_t max_entries = 0;     ///< how many values are expected; more are taken, and make it err more
  std::uint32_t hash_functions = 5;  ///< 1 to 15: more mean fewer errors, more memory and slower operations
  std::uint32_t flags = 0;           ///< map_flags
  std::optional<std::uint32_t> numa_node = {};
};

/// BPF_MAP_TYPE_BLOOM_FILTER, Linux 5.16: remembers which values were inserted, without keeping them.
///
/// might_contain() is true for all that were, and by mistake for some that were not: with five hash functions and
/// max_entries values, about one in thirty. Nothing can be taken out, counted or enumerated. A value's every byte
/// counts, padding included: T is held to the rules for keys of a hash.
/// @code
/// auto seen = bpfmap::bloom_filter<std::uint32_t>::create({.name = "seen", .max_entries = 10000, .hash_functions =
/// 3}); seen.insert(pid); if (!seen.might_contain(other)) …  // certainly not
/// @endcode
template <hash_key T>
class bloom_filter : public detail::keyless_map<bloom_filter<T>, map_type::bloom_filter, T> {
  using base = detail::keyless_map<bloom_filter<T>, map_type::bloom_filter, T>;
  friend typename base::typed_map;

 public:
  /// Creates a new filter. BPF_MAP_CREATE.
  /// @errors as of typed_map::create(); EINVAL also: more than 15 hash functions, or none
  static bloom_filter create(bloom_filter_options const& options, std::error_code& ec) noexcept {
    return base::create(in_general(options), ec);
  }
  static bloom_filter create(bloom_filter_options const& options)
    requires throwing<>
  {
    return base::create(in_general(options));
  }

  /// Adds `value`. BPF_MAP_UPDATE_ELEM. A filter is never full: it errs more often.
  /// @errors EPERM frozen or read-only
  /// @cost one system call, no allocation
  /// @concurrency atomic: a filter only ever gains
  void insert(T const& value, std::error_code& ec) const noexcept {
    this->judge(sys::map_update(this->fd(), nullptr, std::addressof(value), elem_flags::any), 0, ec);
  }
  void insert(T const& value) const
    requires throwing<>
  {
    this->judge(sys::map_update(this->fd(), nullptr, std::addressof(value), elem_flags::any), 0, operation::insert);
  }

  /// False: `value` was never inserted. True: it was, or others were that look like it. BPF_MAP_LOOKUP_ELEM.
  /// @errors EPERM the descriptor is write-only; EBADF
  /// @cost one system call, no allocation
  [[nodiscard]] bool might_contain(T const& value, std::error_code& ec) const noexcept {
    return this->judge(ask(value), this->traits.errnos.absent, ec);
  }
  [[nodiscard]] bool might_contain(T const& value) const
    requires throwing<>
  {
    return this->judge(ask(value), this->traits.errnos.absent, operation::might_contain);
  }

  /// How many hash functions it uses.
  [[nodiscard]] std::uint32_t hash_functions() const noexcept {
    // The kernel uses five where none are asked for, and still tells what was asked.
    auto const asked = static_cast<std::uint32_t>(this->info().map_extra & 15);
    return asked == 0 && *this ? 5 : asked;
  }

 private:
  static create_options in_general(bloom_filter_options const& options) noexcept {
    // To the kernel, 0 would mean 5.
    return {.name = options.name,
            .max_entries = options.max_entries,
            .flags = options.flags,
            .numa_node = options.numa_node,
            .map_extra = options.hash_functions == 0 ? max_hash_functions + 1 : options.hash_functions};
  }

  static void adjust(create_options& options, std::error_code& ec, std::string* why) {
    if (options.map_extra <= max_hash_functions) return;
    ec = make_error(EINVAL);
    if (why != nullptr) *why = "a bloom_filter has from 1 to 15 hash functions";
  }

  // The kernel reads the value from where it writes others' values to.
  int ask(T const& value) const noexcept {
    T copy = value;
    return sys::map_lookup(this->fd(), nullptr, std::addressof(copy));
  }

  static constexpr std::uint64_t max_hash_functions = 15;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
