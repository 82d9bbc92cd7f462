// SPDX-License-Identifier: MIT
// Slots and reducers that the kernel can reduce, and slots at random.
#ifndef BPFMAP_TEST_SUPPORT_REDUCTIONS_HPP
#define BPFMAP_TEST_SUPPORT_REDUCTIONS_HPP

#include "randomness.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include <bpfmap/core/reduce.hpp>

namespace test {

/// Integers of all widths, at places with padding between them.
struct mixed {
  std::uint64_t packets;
  std::int8_t balance;
  std::uint32_t drops[3];
  std::int16_t level;
  std::int64_t bytes;
  std::uint8_t flags;
  friend bool operator==(mixed const&, mixed const&) = default;
};

/// The slots of one element, for `cpus` CPUs.
template <class Slot>
class slot_row {
 public:
  slot_row(std::size_t cpus, randomness& random) : memory_(cpus * bpfmap::detail::slot_stride<Slot> / 8) {
    for (std::size_t rank = 0; rank < cpus; ++rank) {
      std::array<unsigned char, sizeof(Slot)> bytes{};
      std::uint32_t const kind = random.below(6);
      for (unsigned char& each : bytes) each = byte(kind, random);
      std::memcpy(data() + rank * bpfmap::detail::slot_stride<Slot>, bytes.data(), sizeof(Slot));
    }
  }

  [[nodiscard]] std::byte* data() { return reinterpret_cast<std::byte*>(memory_.data()); }
  [[nodiscard]] std::byte const* data() const { return reinterpret_cast<std::byte const*>(memory_.data()); }
  template <class Reducer>
  [[nodiscard]] auto reduced(bpfmap::cpu_set const& cpus) const {
    return Reducer{}(bpfmap::per_cpu_view<Slot const>(data(), cpus));
  }

 private:
  static unsigned char byte(std::uint32_t kind, randomness& random) {
    switch (kind) {
      case 0:
        return 0;  // untouched
      case 1:
        return 0xff;
      case 2:
        return random.below(2) == 0 ? 0x80 : 0x7f;
      case 3:
        return random.below(8) == 0 ? 1 : 0;  // hardly touched
      default:
        return static_cast<unsigned char>(random.below(256));
    }
  }

  std::vector<std::uint64_t> memory_;  // aligned as the kernel's
};

template <class Slot, class F>
void for_each_reduction_of(F& f, char const* name) {
  namespace reduce = bpfmap::reduce;
  f(std::type_identity<std::pair<Slot, reduce::sum>>{}, name);
  f(std::type_identity<std::pair<Slot, reduce::min>>{}, name);
  f(std::type_identity<std::pair<Slot, reduce::max>>{}, name);
  f(std::type_identity<std::pair<Slot, reduce::bit_or>>{}, name);
  f(std::type_identity<std::pair<Slot, reduce::bit_and>>{}, name);
}

/// Calls f(std::type_identity<std::pair<Slot, Reducer>>, name) for all reducers that the kernel has, of slots of every
/// kind.
template <class F>
void for_each_reduction(F&& f) {
  for_each_reduction_of<std::uint8_t>(f, "u8");
  for_each_reduction_of<std::int8_t>(f, "s8");
  for_each_reduction_of<std::uint16_t>(f, "u16");
  for_each_reduction_of<std::int16_t>(f, "s16");
  for_each_reduction_of<std::uint32_t>(f, "u32");
  for_each_reduction_of<std::int32_t>(f, "s32");
  for_each_reduction_of<std::uint64_t>(f, "u64");
  for_each_reduction_of<std::int64_t>(f, "s64");
  for_each_reduction_of<std::array<std::int16_t, 3>>(f, "array of s16");
  for_each_reduction_of<std::array<std::uint8_t, 64>>(f, "array of u8");
  for_each_reduction_of<mixed>(f, "mixed");
}

}  // namespace test

#endif
