// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_SIZING_HPP
#define BPFMAP_CORE_SIZING_HPP

// How many entries a perf event array has. A program writes to the entry of the CPU it runs on, by its id, so
// the number that matters is the highest id plus one, not how many CPUs there are.

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <utility>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/cpu.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// Says how many entries a perf event array has on a machine: `std::uint32_t operator()(cpu_topology const&)`.
/// With `static constexpr bool partial = true` it may leave CPUs that are online without an entry. If it throws,
/// nothing is created or changed, and its caller gets the exception; a call with std::error_code& is noexcept only if
/// it is.
template <class P>
concept sizing_policy = because<std::default_initializable<P>&& requires(P const& policy, cpu_topology const& cpus) {
  { policy(cpus) } -> std::convertible_to<std::uint32_t>;
}, "a sizing policy is a default-constructible type with std::uint32_t operator()(cpu_topology const&) const">;

/// The sizing policies that bpfmap ships.
namespace sizing {

/// An entry for every CPU that may ever come up: highest possible id + 1. The default, right on every machine.
struct possible_cpus {
  std::uint32_t operator()(cpu_topology const& cpus) const noexcept { return cpus.possible.highest() + 1; }
};

/// An entry for every CPU that is online now: highest online id + 1. CPUs that come up later may have none.
struct online_cpus {
  std::uint32_t operator()(cpu_topology const& cpus) const noexcept { return cpus.online.highest() + 1; }
};

/// Exactly N entries. Works as long as the id of every online CPU is below N, and is an error otherwise.
template <std::uint32_t N>
  requires because<(N > 0), "a perf event array has at least one entry">
struct fixed {
  std::uint32_t operator()(cpu_topology const&) const noexcept { return N; }
};

/// possible_cpus, but N entries at the most. Events of CPUs with higher ids are lost, and that is accepted.
template <std::uint32_t N>
  requires because<(N > 0), "a perf event array has at least one entry">
struct at_most {
  static constexpr bool partial = true;
  std::uint32_t operator()(cpu_topology const& cpus) const noexcept { return std::min(N, possible_cpus{}(cpus)); }
};

}  // namespace sizing

namespace detail {

template <class P>
inline constexpr bool may_be_partial = requires { requires P::partial; };

/// Whether asking a policy that is there cannot throw.
template <class P>
inline constexpr bool nothrow_policy =
    noexcept(static_cast<std::uint32_t>(std::declval<P const&>()(std::declval<cpu_topology const&>())));

}  // namespace detail

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
