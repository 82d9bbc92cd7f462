// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_STRIPES_HPP
#define BPFMAP_CORE_STRIPES_HPP

// Where the slots of a striped array lie in the elements of the array map that it is: one stripe a CPU id, each of
// whole cache lines. BPFMAP_STRIPED_ARRAY of bpfmap.bpf.h computes the same.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <system_error>

#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/error.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// No two CPUs write to the same so many bytes.
inline constexpr std::size_t cache_line = 64;

/// The fewest slots of these bytes, rounded as the kernel does, that fill whole cache lines.
constexpr std::uint32_t slots_of_whole_lines(std::size_t slot_bytes) noexcept {
  return static_cast<std::uint32_t>(cache_line / std::gcd(cache_line, round_up(slot_bytes, 8)));
}

/// CPU c's slot of index i is element `c * stride + i` of the map. The last stripe is cut after its last slot, so that
/// max_entries of the map alone tells, on a machine with so many CPU ids, how many indices there are.
struct stripe_layout {
  std::uint32_t entries = 0;  // indices
  std::uint32_t stride = 0;   // elements from one CPU's stripe to the next one's
  std::uint32_t stripes = 0;  // highest possible CPU id + 1: programs know their CPU's id, not its rank

  [[nodiscard]] constexpr std::uint64_t elements() const noexcept {
    return std::uint64_t{stripes - 1} * stride + entries;
  }

  /// The layout of so many indices.
  /// @errors EINVAL there is no index, or no CPU; E2BIG more elements than an array can have
  static constexpr stripe_layout of_entries(std::uint32_t entries, std::size_t slot_bytes, std::uint32_t stripes,
                                            int& failed) noexcept {
    std::uint64_t const stride = round_up(entries, slots_of_whole_lines(slot_bytes));
    failed = entries == 0 || stripes == 0 ? EINVAL : stride > max_elements / stripes ? E2BIG : 0;
    if (failed != 0) return {};
    return {entries, static_cast<std::uint32_t>(stride), stripes};
  }

  /// The layout that has so many elements: there is one at most.
  /// @errors EINVAL there is none
  static constexpr stripe_layout of_elements(std::uint32_t elements, std::size_t slot_bytes, std::uint32_t stripes,
                                             int& failed) noexcept {
    if (stripes != 0) {
      std::uint64_t const step = std::uint64_t{slots_of_whole_lines(slot_bytes)} * stripes;
      std::uint64_t const stride = round_up(elements, step) / stripes;
      std::uint64_t const rest = (stripes - 1) * stride;
      if (elements > rest) {
        stripe_layout const found =
            of_entries(static_cast<std::uint32_t>(elements - rest), slot_bytes, stripes, failed);
        if (failed == 0 && found.elements() == elements) return found;
      }
    }
    failed = EINVAL;
    return {};
  }

  /// Why of_elements() found none.
  static std::string no_such_layout(std::uint32_t elements, std::uint32_t stripes) {
    return join("max_entries is ", elements, ", which no striped array of this machine's ", stripes,
                " CPU ids has: let object::load() or fit_to_machine() size it");
  }

  // Elements of 8 bytes and more: far beyond any memory. Places of CPUs that do not exist fit 32 bits, too.
  static constexpr std::uint64_t max_elements = 0x7fffffff;
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
