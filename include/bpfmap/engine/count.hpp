// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_COUNT_HPP
#define BPFMAP_ENGINE_COUNT_HPP

// How many elements a map holds: the cheapest way that the running kernel and the privileges allow, chosen
// when it is first needed and kept with the map.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <system_error>
#include <utility>

#include <bpfmap/core/made_once.hpp>
#include <bpfmap/core/map_traits.hpp>
#include <bpfmap/engine/walk.hpp>
#include <bpfmap/kernel/counter_fields.hpp>
#include <bpfmap/kernel/programs.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// Counts one map's elements; part of the map object. Safe for concurrent use.
///
/// Setting the kernel's counter up costs as much as walking many elements (25,000 for reading the kernel's BTF,
/// once a process, and 250 for loading a program). So the elements are walked until as much work has been spent on
/// walking, and only then, or where one walk is sure to cost more, is the counter set up. Whatever the sizes
/// and however many the calls, that costs at most twice what the better choice would have.
class element_counter {
 public:
  element_counter() = default;
  element_counter(element_counter&& other) noexcept
      : program_(std::move(other.program_)), used_(other.used_.load()), walked_(other.walked_.load()) {}
  element_counter& operator=(element_counter&& other) noexcept {
    if (this == &other) return *this;
    program_ = std::move(other.program_);
    used_ = other.used_.load();
    walked_ = other.walked_.load();
    return *this;
  }
  ~element_counter() = default;

  /// @errors as block_walker::next
  std::uint64_t count(walk_shape const& shape, std::error_code& ec) const noexcept {
    map_traits const& traits = traits_of(shape.type);
    if (traits.count == counting::constant) {
      ec.clear();
      return remember(counting::constant, shape.max_entries);
    }
    bool const walkable = can_walk(traits);
    if (has_counter(traits) && program_.refusal() == 0) {
      std::uint64_t number = 0;
      std::uint64_t const expected =
          walkable ? shape.max_entries / empty_buckets_per_element : std::numeric_limits<std::uint64_t>::max();
      if (ask_kernel(shape, expected, number, ec)) {
        return remember(traits.count, number);
      }
      if (!walkable && ec && program_.refusal() == 0) return 0;
    }
    if (!walkable) {
      ec = make_error(EOPNOTSUPP);
      return 0;
    }
    return walk(shape, ec);
  }

  /// The method that the last count() used.
  [[nodiscard]] counting used() const noexcept { return used_.load(std::memory_order_relaxed); }
  /// Whether count() will take constant time.
  [[nodiscard]] bool is_cheap() const noexcept { return program_.exists(); }

 private:
  // What setting up costs, in elements of a batch walk (about 0.2 µs each): the scan of the kernel's BTF, once
  // a process (5.4 ms), and loading the program (45 µs).
  static constexpr std::uint64_t first_setup_cost = 24'576;
  static constexpr std::uint64_t setup_cost = 256;
  // A batch walk passes that many empty buckets in the time of one element.
  static constexpr std::uint64_t empty_buckets_per_element = 128;

  static bool has_counter(map_traits const& traits) noexcept {
    return traits.count == counting::kernel_counter || traits.count == counting::kernel_field;
  }
  // Whether a walk meets what is there and nothing else: a queue has none, and indices are all there.
  static bool can_walk(map_traits const& traits) noexcept {
    return static_cast<bool>(traits.commands.next_key) && traits.key != key_kind::index;
  }

  static std::uint64_t cost_of_setup(map_type type) noexcept {
    bool const known = traits_of(type).count == counting::kernel_counter
                           ? the_element_count_function.exists() || the_element_count_function.refusal() != 0
                           : counter_place_known(type);
    return known ? setup_cost : first_setup_cost;
  }

  std::uint64_t remember(counting how, std::uint64_t number) const noexcept {
    used_.store(how, std::memory_order_relaxed);
    return number;
  }

  // Counts by the kernel's counter if that is set up, or is worth it: when `expected` elements' work is ahead. An
  // error is why it could not.
  bool ask_kernel(walk_shape const& shape, std::uint64_t expected, std::uint64_t& number,
                  std::error_code& ec) const noexcept {
    ec.clear();
    bool const by_function = traits_of(shape.type).count == counting::kernel_counter;
    unique_fd const* program = program_.find();
    if (program == nullptr) {
      std::uint64_t const cost = cost_of_setup(shape.type);
      if (expected < cost && walked_.load(std::memory_order_relaxed) + expected < cost) return false;
      // A child needs none of its own: its parent's program works on what it is given, and privileges may be gone.
      program = program_.get(
          [&](unique_fd& made, std::error_code& why) noexcept {
            made = by_function ? load_count_program(shape.fd, why)
                               : load_field_program(shape.fd, shape.type, shape.max_entries, why);
          },
          ec);
      if (program == nullptr) return false;
    }
    number = by_function ? run_count_program(program->get(), ec) : run_field_program(program->get(), ec);
    return !ec;
  }

  std::uint64_t walk(walk_shape const& shape, std::error_code& ec) const noexcept {
    map_traits const& traits = traits_of(shape.type);
    block_walker walker(shape);
    std::uint64_t number = 0;
    while (std::uint32_t const block = walker.next(ec)) {
      number += block;
      // The map is larger than it might have been: the counter is worth its price now.
      std::uint64_t by_kernel = 0;
      if (has_counter(traits) && program_.refusal() == 0 && ask_kernel(shape, number, by_kernel, ec)) {
        return remember(traits.count, by_kernel);
      }
    }
    walked_.fetch_add(number + shape.max_entries / empty_buckets_per_element + 1, std::memory_order_relaxed);
    return ec ? 0 : remember(walker.method(), number);
  }

  [[no_unique_address]] owned_once<unique_fd> program_;  // its padding holds what follows
  mutable std::atomic<counting> used_{counting::none};
  mutable std::atomic<std::uint64_t> walked_{0};
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
