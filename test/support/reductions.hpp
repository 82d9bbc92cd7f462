// SPDX-License-Identifier: MIT
// Slots and reducers that the kernel can reduce, and slots at random.
#ifndef BPFMAP_TEST_SUPPORT_REDUCTIONS_HPP
#define BPFMAP_TEST_SUPPORT_REDUCTIONS_HPP

#include "randomness.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <bpfmap/core/reduce.hpp>
#include <bpfmap/core/reduce_members.hpp>
#include <bpfmap/core/reduction_table.hpp>

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

/// The slots of one element, for `cpus` CPUs: at random, many of them zeros or at a limit.
class slot_row {
 public:
  slot_row(std::size_t slot_bytes, std::size_t cpus, randomness& random)
      : stride_(bpfmap::detail::round_up(slot_bytes, 8)), memory_(cpus * stride_ / 8) {
    for (std::size_t rank = 0; rank < cpus; ++rank) {
      std::vector<unsigned char> bytes(slot_bytes);
      std::uint32_t const kind = random.below(6);
      for (unsigned char& each : bytes) each = byte(kind, random);
      std::memcpy(slot(rank), bytes.data(), slot_bytes);
    }
  }

  [[nodiscard]] std::byte* data() { return reinterpret_cast<std::byte*>(memory_.data()); }
  [[nodiscard]] std::byte const* data() const { return reinterpret_cast<std::byte const*>(memory_.data()); }
  [[nodiscard]] std::byte* slot(std::size_t rank) { return data() + rank * stride_; }
  [[nodiscard]] std::size_t bytes() const { return 8 * memory_.size(); }
  /// What the reducer makes of it.
  template <class Slot, class Reducer>
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

  std::size_t stride_;
  std::vector<std::uint64_t> memory_;  // aligned as the kernel's
};

/// A reducer of a kind of slots that the kernel can reduce.
struct reduction_case {
  std::string name;
  bpfmap::detail::reduction_table table;
  /// Whether these bytes are what the reducer makes of the slots.
  bool (*is_reduced)(slot_row const& slots, bpfmap::cpu_set const& cpus, std::byte const* result);
};

template <class Slot, class Reducer>
reduction_case reduction_case_of(std::string const& slot, char const* reducer) {
  return {slot + ", " + reducer, bpfmap::detail::reduction_table_of<Slot, Reducer>(),
          [](slot_row const& slots, bpfmap::cpu_set const& cpus, std::byte const* result) {
            bpfmap::reduced_t<Reducer, Slot> given;
            std::memcpy(static_cast<void*>(&given), result, sizeof given);
            return given == slots.reduced<Slot, Reducer>(cpus);
          }};
}

template <class Slot>
void add_reductions_of(char const* slot, std::vector<reduction_case>& to) {
  namespace reduce = bpfmap::reduce;
  to.push_back(reduction_case_of<Slot, reduce::sum>(slot, "sum"));
  to.push_back(reduction_case_of<Slot, reduce::min>(slot, "min"));
  to.push_back(reduction_case_of<Slot, reduce::max>(slot, "max"));
  to.push_back(reduction_case_of<Slot, reduce::bit_or>(slot, "bit_or"));
  to.push_back(reduction_case_of<Slot, reduce::bit_and>(slot, "bit_and"));
}

/// All reducers that the kernel has, of slots of every kind.
inline std::vector<reduction_case> all_reductions() {
  std::vector<reduction_case> all;
  add_reductions_of<std::uint8_t>("u8", all);
  add_reductions_of<std::int8_t>("s8", all);
  add_reductions_of<std::uint16_t>("u16", all);
  add_reductions_of<std::int16_t>("s16", all);
  add_reductions_of<std::uint32_t>("u32", all);
  add_reductions_of<std::int32_t>("s32", all);
  add_reductions_of<std::uint64_t>("u64", all);
  add_reductions_of<std::int64_t>("s64", all);
  add_reductions_of<std::array<std::int16_t, 3>>("array of s16", all);
  add_reductions_of<std::array<std::uint8_t, 64>>("array of u8", all);
  add_reductions_of<mixed>("mixed", all);
  using bpfmap::reduce::by;
  all.push_back(reduction_case_of<
                mixed, bpfmap::reduce::members<by<bpfmap::reduce::bit_or, &mixed::flags, &mixed::drops>,
                                               by<bpfmap::reduce::sum, &mixed::packets, &mixed::balance, &mixed::level>,
                                               by<bpfmap::reduce::sum, &mixed::bytes>>>("mixed", "members"));
  return all;
}

}  // namespace test

#endif
