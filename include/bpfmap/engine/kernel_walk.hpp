// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_KERNEL_WALK_HPP
#define BPFMAP_ENGINE_KERNEL_WALK_HPP

// Walks that a program makes inside the kernel, where that is faster: the choice, and what is done if it cannot be.
// Works on bytes, so it is compiled once for all maps.

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <system_error>
#include <utility>

#include <bpfmap/core/bulk.hpp>
#include <bpfmap/core/error.hpp>
#include <bpfmap/core/map_traits.hpp>
#include <bpfmap/engine/walk.hpp>
#include <bpfmap/kernel/for_each_program.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// A way that is remembered in an object that moves. Safe for concurrent use.
class last_path {
 public:
  last_path() = default;
  last_path(last_path&& other) noexcept : path_(other.get()) {}
  last_path& operator=(last_path&& other) noexcept {
    set(other.get());
    return *this;
  }
  ~last_path() = default;

  [[nodiscard]] bulk_path get() const noexcept { return path_.load(std::memory_order_relaxed); }
  void set(bulk_path path) const noexcept { path_.store(path, std::memory_order_relaxed); }

 private:
  mutable std::atomic<bulk_path> path_{bulk_path::automatic};
};

/// Chooses how to walk over one map, once.
///
/// A program passes an empty bucket in 16 ns and copies an element in 25 to 65; a batch needs 1 ns and 160 to 280. So a
/// full map is walked in the kernel, an empty one by batch. Which it is tells the first block, a small one, that comes
/// by batch in any case: it costs what counting would, and is not lost if the walk goes on by batch. It also meets what
/// only system calls ask: whether this descriptor may read.
class walk_choice {
 public:
  /// @param forced  automatic: as is best; another: that way, or why it cannot be taken (in_kernel: where `how` is)
  walk_choice(walk_shape const& shape, walk how, bulk_path forced) noexcept
      : shape_(prepared(shape, how, forced)),
        by_program_(how == walk::in_kernel && (forced == bulk_path::automatic || forced == bulk_path::in_kernel)),
        forced_(how == walk::in_kernel || forced != bulk_path::in_kernel ? forced : bulk_path::automatic),
        blocks_(shape_) {}

  /// Begins. `run(expected, ec)` is called if a program is to walk, with about how many elements there are; it sets
  /// `ec` if there is no such program.
  /// @return the size of the first block of blocks(); 0 at the end, on an error, and if `run` has done it all
  template <class Run>
  std::uint32_t begin(Run const& run, std::error_code& ec) noexcept(noexcept(run(std::uint64_t{}, ec))) {
    std::uint32_t const block = blocks_.next(ec);
    bool const by_keys = blocks_.method() == counting::key_walk;
    // Blocks of a per-CPU array may be reduced in the kernel: then that is done, whoever looks at them.
    bool const reduced = blocks_.reduced();
    path_ = reduced ? bulk_path::in_kernel : by_keys ? bulk_path::single : bulk_path::batch;
    if (ec) return 0;
    if (reduced) return block;
    if (forced_ == bulk_path::batch && by_keys) return refuse(EOPNOTSUPP, ec);
    if (forced_ == bulk_path::in_kernel && !possible()) return refuse(EOPNOTSUPP, ec);
    if (!by_program_) return block;
    std::uint64_t const expected = estimate(block);
    if (forced_ != bulk_path::in_kernel && !worth(expected)) return block;
    run(expected, ec);
    done_ = !ec;
    if (done_) path_ = bulk_path::in_kernel;
    if (done_ || forced_ == bulk_path::in_kernel) return 0;
    ec.clear();
    return block;
  }

  [[nodiscard]] block_walker& blocks() noexcept { return blocks_; }
  [[nodiscard]] block_walker const& blocks() const noexcept { return blocks_; }
  [[nodiscard]] walk_shape const& shape() const noexcept { return shape_; }
  /// The way that was taken; known after begin().
  [[nodiscard]] bulk_path path() const noexcept { return path_; }
  /// Whether `run` has done it all.
  [[nodiscard]] bool done() const noexcept { return done_; }

 private:
  // In nanoseconds: what a program saves an element, what it loses a bucket, and what loading it and its memory takes.
  static constexpr std::uint64_t gain_per_element = 170;
  static constexpr std::uint64_t loss_per_bucket = 15;
  static constexpr std::uint64_t setup = 200'000;
  // A program is not interrupted by other work on its CPU: at most 100 ms of it.
  static constexpr std::uint64_t most_at_once = std::uint64_t{1} << 20;

  static walk_shape prepared(walk_shape shape, walk how, bulk_path forced) noexcept {
    shape.by_keys = forced == bulk_path::single;
    shape.in_steps = how == walk::in_kernel;
    return shape;
  }

  [[nodiscard]] bool possible() const noexcept {
    return static_cast<bool>(traits_of(shape_.type).for_each) && traits_of(shape_.type).value == value_kind::bytes;
  }
  [[nodiscard]] bool indexed() const noexcept { return traits_of(shape_.type).key == key_kind::index; }
  [[nodiscard]] std::uint64_t buckets() const noexcept {
    return indexed() ? shape_.max_entries : std::bit_ceil(std::uint64_t{shape_.max_entries});
  }

  [[nodiscard]] std::uint64_t estimate(std::uint32_t block) const noexcept {
    if (blocks_.ended()) return block;
    if (indexed() || blocks_.method() == counting::key_walk) return shape_.max_entries;
    std::uint64_t const passed = std::max<std::uint64_t>(blocks_.next_bucket(), 1);
    return std::min<std::uint64_t>(block * buckets() / passed, shape_.max_entries);
  }
  [[nodiscard]] bool worth(std::uint64_t elements) const noexcept {
    if (!possible() || blocks_.ended() || buckets() > most_at_once) return false;
    return elements * gain_per_element > (indexed() ? 0 : buckets() * loss_per_bucket) + setup;
  }

  static std::uint32_t refuse(int number, std::error_code& ec) noexcept {
    ec = make_error(number);
    return 0;
  }

  walk_shape shape_;
  bool by_program_;
  bulk_path forced_;
  block_walker blocks_;
  bulk_path path_ = bulk_path::automatic;
  bool done_ = false;
};

/// Copies of all elements of a map, which a program has made.
class kernel_dump {
 public:
  kernel_dump() = default;

  /// @param room  for how many elements there is room at first; if there are more, the program runs again
  /// @errors those of load_for_each_program() and scratch_array::create(); E2BIG there is too much to copy at once;
  ///         ENOSPC there were more elements each time
  /// @cost 0.2 ms, and 25 to 65 ns an element; as much of the kernel's memory as there are bytes to copy
  static kernel_dump take(walk_shape const& shape, std::uint64_t room, std::error_code& ec) noexcept {
    kernel_dump made;
    made.layout_ = {.key_size = shape.key_size,
                    .value_size = shape.keys_only ? 0 : static_cast<std::uint32_t>(shape.element_bytes)};
    auto const report = scratch_array::create(sizeof(for_each_report), ec);
    for (int tries = 0; !ec && tries < max_tries; ++tries) {
      if (room > max_bytes / made.layout_.element_bytes()) {
        ec = make_error(E2BIG);
        break;
      }
      // In one piece, which is faster, where the kernel's arrays may have so large elements.
      auto const places = std::max(static_cast<std::uint32_t>(room), 1U);
      auto const place_bytes = static_cast<std::uint32_t>(made.layout_.element_bytes());
      made.memory_ = scratch_array::create(place_bytes * places, ec);
      bool const whole = ec.value() != E2BIG;
      if (!whole) made.memory_ = scratch_array::create(place_bytes, ec, places);
      if (ec) break;
      unique_fd const program = load_for_each_program(
          shape.fd, report,
          [&](bpf::assembler& code, bpf::label next) {
            emit_dump(code, next, made.memory_, whole, places, made.layout_);
          },
          ec);
      if (ec) break;
      made.count_ = run_for_each_program(program.get(), report, ec).matched;
      if (ec || made.count_ <= room) return made;
      // Others are adding elements, and in the time of a run they add many.
      room = with_slack(std::max(made.count_, std::min<std::uint64_t>(2 * made.count_, shape.max_entries)));
    }
    if (!ec) ec = make_error(ENOSPC);
    return made;
  }

  /// Room for a few more elements than were expected.
  static std::uint64_t with_slack(std::uint64_t elements) noexcept { return elements + elements / 8 + 64; }

  [[nodiscard]] std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(count_); }
  [[nodiscard]] std::byte const* key(std::uint32_t i) const noexcept {
    return memory_.data() + i * layout_.element_bytes();
  }
  [[nodiscard]] std::byte const* value(std::uint32_t i) const noexcept { return key(i) + layout_.value_at(); }

 private:
  // The kernel's memory: no more than a careful program would take.
  static constexpr std::size_t max_bytes = std::size_t{256} << 20;
  // How often others may add more elements than there is room for.
  static constexpr int max_tries = 4;

  scratch_array memory_;
  dump_layout layout_{};
  std::uint64_t count_ = 0;
};

/// Gives the elements of a map in blocks, as block_walker does; all in one, where a program has copied them.
class map_walker {
 public:
  map_walker(walk_shape const& shape, walk how, bulk_path forced) noexcept : choice_(shape, how, forced) {}

  std::uint32_t next(std::error_code& ec) noexcept {
    return choice_.path() == bulk_path::automatic ? begin(ec) : choice_.done() ? end(ec) : choice_.blocks().next(ec);
  }

  [[nodiscard]] std::byte const* key(std::uint32_t i) const noexcept {
    return choice_.done() ? dump_.key(i) : choice_.blocks().key(i);
  }
  [[nodiscard]] std::byte const* value(std::uint32_t i) const noexcept {
    return choice_.done() ? dump_.value(i) : choice_.blocks().value(i);
  }

  /// As block_walker::reduced().
  [[nodiscard]] bool reduced() const noexcept { return choice_.blocks().reduced(); }

  /// The way that is taken; known after the first next().
  [[nodiscard]] bulk_path path() const noexcept { return choice_.path(); }

 private:
  std::uint32_t begin(std::error_code& ec) noexcept {
    std::uint32_t const block = choice_.begin(
        [this](std::uint64_t expected, std::error_code& why) noexcept {
          // An estimate from a few hundred elements may be a quarter too low, and to run twice is dear.
          std::uint64_t const most = std::min<std::uint64_t>(expected + expected / 4, choice_.shape().max_entries);
          dump_ = kernel_dump::take(choice_.shape(), kernel_dump::with_slack(most), why);
        },
        ec);
    return choice_.done() ? dump_.count() : block;
  }
  static std::uint32_t end(std::error_code& ec) noexcept {
    ec.clear();
    return 0;
  }

  walk_choice choice_;
  kernel_dump dump_;
};

/// Begins to look at all elements: by a program with this `body`, which leaves `found` and ends it.
/// @return the size of the first block of choice.blocks(), if it goes by blocks
inline std::uint32_t begin_to_look(walk_choice& choice, element_body const& body, for_each_report& found,
                                   std::error_code& ec) noexcept {
  return choice.begin(
      [&](std::uint64_t, std::error_code& why) noexcept {
        auto const memory = scratch_array::create(sizeof(for_each_report), why);
        if (why) return;
        unique_fd const program = load_for_each_program(choice.shape().fd, memory, body, why);
        if (why) return;
        for_each_report const report = run_for_each_program(program.get(), memory, why);
        if (!why) found = report;
      },
      ec);
}

/// Looks at all elements: by a program with this `body`, or by `each(blocks, i, report)`, which does the same for
/// element i of the current block.
template <class Each>
for_each_report look_at_all(walk_choice& choice, element_body const& body, Each const& each, std::error_code& ec) {
  for_each_report found;
  std::uint32_t block = begin_to_look(choice, body, found, ec);
  for (; block != 0; block = choice.blocks().next(ec)) {
    for (std::uint32_t i = 0; i < block; ++i) each(choice.blocks(), i, found);
  }
  return found;
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
