// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_WALK_HPP
#define BPFMAP_ENGINE_WALK_HPP

// Walking over all elements of a map, a block at a time.
//
// By batch where the kernel can: it copies whole buckets under their locks, so an element of the hash family
// that stays in the map throughout is seen exactly once, whatever others do meanwhile. By keys otherwise, and
// that guarantee is gone: the kernel starts again at the first bucket when the current key was deleted, and an
// overwritten element moves within its bucket (kernel/bpf/hashtab.c, htab_map_get_next_key).

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <system_error>
#include <utility>

#include <bpfmap/core/error.hpp>
#include <bpfmap/core/map_traits.hpp>
#include <bpfmap/engine/per_cpu.hpp>
#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// Who walks over a map.
enum class walk : std::uint8_t {
  batch,     ///< system calls that copy whole buckets, each under its lock
  in_kernel  ///< a program inside the kernel, which takes no locks, if that is faster; else as `batch`
};

namespace detail {

/// Where a walk over a per-CPU array gets values that are reduced already. The object behind it outlives the walk.
struct reduced_source {
  /// Reduces `count` elements from index `first` on into `out`, where there is room for all their slots; or as many as
  /// it gives back. 0 without an error: it does not do that any more.
  std::uint32_t (*reduce)(void const* self, std::uint32_t first, std::uint32_t count, std::byte* out,
                          std::error_code& ec) noexcept = nullptr;
  void const* self = nullptr;
  std::size_t bytes = 0;  // of a value: no more than all its slots have

  explicit operator bool() const noexcept { return reduce != nullptr; }
};

/// What a walker must know of a map.
struct walk_shape {
  int fd;
  map_type type;
  std::uint32_t key_size;
  std::size_t element_bytes;  // of a value, all CPUs included
  std::uint32_t max_entries;
  bool keys_only = false;  // a walk by keys need not read the values
  bool extract = false;    // what is given is taken out of the map
  bool by_keys = false;    // not by batch, also where the kernel can
  bool in_steps = false;   // the first block is a small one, to look what the map is like
  reduced_source reduced = {};
};

/// Elements that were taken out of a map and are being given to somebody. Those that are not given when this ends, as
/// making a value of one threw, go back into the map: all but those whose key others have added anew meanwhile, or for
/// which others have left no room.
class taken_elements {
 public:
  taken_elements(walk_shape const& shape, std::byte const* keys, std::byte const* values, std::uint32_t count) noexcept
      : shape_(shape), keys_(keys), values_(values), count_(count) {}
  taken_elements(taken_elements const&) = delete;
  taken_elements& operator=(taken_elements const&) = delete;
  ~taken_elements() {
    for (; given_ < count_; ++given_) {
      (void)sys::map_update(shape_.fd, keys_ + std::size_t{given_} * shape_.key_size,
                            values_ + given_ * shape_.element_bytes, elem_flags::noexist);
    }
  }

  /// The next one is given.
  void gave() noexcept { ++given_; }

 private:
  walk_shape const& shape_;
  std::byte const* keys_;
  std::byte const* values_;
  std::uint32_t count_;
  std::uint32_t given_ = 0;
};

/// Gives the elements of a map in blocks. Not for concurrent use; one walker, one thread.
class block_walker {
 public:
  explicit block_walker(walk_shape const& shape) noexcept
      : shape_(shape), how_(has_batch(shape) ? counting::batch_walk : counting::key_walk) {
    // Linux 6.18.15 takes the head of its list of cgroups for one more element: a lookup tells that it is none.
    if (traits_of(shape.type).key == key_kind::cgroup) shape_.keys_only = false;
  }
  block_walker(block_walker const&) = delete;
  block_walker& operator=(block_walker const&) = delete;
  ~block_walker() { spare_memory::give_back(std::move(room_)); }

  /// The next elements: how many; 0 at the end, and on an error.
  /// @errors EPERM the descriptor may not be read; ENOMEM; ELOOP a walk by keys, or by a batch that goes by keys, that
  ///         would not end, as others change the map; EIO the
  ///         kernel makes no progress; extracting, ENOSPC: capacity() has grown, make room for so many and call again
  /// @cost one system call a block of up to 4096 elements; by keys, two an element. No allocation but the
  ///       thread's first and largest
  std::uint32_t next(std::error_code& ec) noexcept {
    ec.clear();
    if (ended_) return 0;
    if (!room_.data() && !reserve(shape_.in_steps ? std::min(few, first_capacity()) : first_capacity(), ec)) {
      return end();
    }
    if (shape_.in_steps && started_ && capacity_ < first_capacity() && !reserve(first_capacity(), ec)) return end();
    if (shape_.reduced) return next_reduced(ec);
    return how_ == counting::batch_walk ? next_batch(ec) : next_by_key(ec);
  }

  /// No block has more elements, as long as next() does not say ENOSPC.
  [[nodiscard]] std::uint32_t capacity() const noexcept {
    return room_.data() == nullptr ? first_capacity() : capacity_;
  }

  /// The place of element `i` of the current block; valid until next().
  [[nodiscard]] std::byte const* key(std::uint32_t i) const noexcept {
    return keys() + std::size_t{i} * shape_.key_size;
  }
  [[nodiscard]] std::byte const* value(std::uint32_t i) const noexcept {
    return values() + i * (reduced() ? shape_.reduced.bytes : shape_.element_bytes);
  }
  /// Whether the values of the current block are reduced, and not slots.
  [[nodiscard]] bool reduced() const noexcept { return static_cast<bool>(shape_.reduced); }

  /// After a block: whether there is nothing behind it, as far as is known.
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  /// After a block that came by batch: the number of the bucket where the next begins. Hash family only, and an
  /// implementation detail of the kernel (stable since 5.6): good for an estimate.
  [[nodiscard]] std::uint32_t next_bucket() const noexcept {
    std::uint32_t number = 0;
    std::memcpy(&number, room_.data(), sizeof number);
    return number;
  }

  /// batch_walk or key_walk; final after the first next().
  [[nodiscard]] counting method() const noexcept { return how_; }

 private:
  // Larger blocks gain nothing, and these bytes stay in the caches.
  static constexpr std::uint32_t max_first_capacity = 4096;
  static constexpr std::size_t max_first_bytes = std::size_t{1} << 20;
  // Enough to tell a full map from an empty one.
  static constexpr std::uint32_t few = 256;

  [[nodiscard]] std::size_t entry_bytes() const noexcept { return shape_.key_size + shape_.element_bytes; }
  [[nodiscard]] std::byte* keys() const noexcept { return room_.data() + cursor_room(); }
  [[nodiscard]] std::byte* values() const noexcept { return keys() + keys_bytes_; }
  // The cursor of the hash family is a bucket's number, 4 bytes even where keys are shorter; others' is a key.
  [[nodiscard]] std::size_t cursor_room() const noexcept {
    return round_up(std::max<std::size_t>(shape_.key_size, sizeof(std::uint32_t)), buffer_alignment);
  }

  static bool has_batch(walk_shape const& shape) noexcept {
    command_support const& commands = traits_of(shape.type).commands;
    if (shape.by_keys) return false;
    return static_cast<bool>(shape.extract ? commands.lookup_and_delete_batch : commands.lookup_batch);
  }

  [[nodiscard]] std::uint32_t first_capacity() const noexcept {
    if (how_ == counting::key_walk) return 1;
    auto const by_bytes = static_cast<std::uint32_t>(
        std::min<std::size_t>(max_first_capacity, max_first_bytes / std::max<std::size_t>(entry_bytes(), 1)));
    return std::clamp(by_bytes, 1U, std::max(shape_.max_entries, 1U));
  }

  // Room for `capacity` elements, with the cursor in front, which is kept.
  bool reserve(std::uint32_t capacity, std::error_code& ec) noexcept {
    std::size_t const limit = std::numeric_limits<std::size_t>::max() / 4;
    if (entry_bytes() > limit / capacity) {
      ec = make_error(ENOMEM);
      return false;
    }
    std::size_t const keys_bytes = round_up(capacity * std::size_t{shape_.key_size}, buffer_alignment);
    buffer larger = spare_memory::lend(cursor_room() + keys_bytes + capacity * shape_.element_bytes);
    if (larger.data() == nullptr) {
      ec = make_error(ENOMEM);
      return false;
    }
    if (room_.data() != nullptr) std::memcpy(larger.data(), room_.data(), cursor_room());
    spare_memory::give_back(std::exchange(room_, std::move(larger)));
    keys_bytes_ = keys_bytes;
    capacity_ = capacity;
    return true;
  }

  std::uint32_t end() noexcept {
    ended_ = true;
    return 0;
  }

  std::uint32_t next_reduced(std::error_code& ec) noexcept {
    std::uint32_t const left = shape_.max_entries - reduced_;
    if (left == 0) return end();
    std::uint32_t const count =
        shape_.reduced.reduce(shape_.reduced.self, reduced_, std::min(left, capacity_), values(), ec);
    if (ec) return end();
    if (count == 0) {
      // From here on by batch. The cursor of arrays is the index that was last.
      shape_.reduced = {};
      started_ = reduced_ != 0;
      std::uint32_t const last = reduced_ - 1;
      std::memcpy(room_.data(), &last, sizeof last);
      return next(ec);
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      std::uint32_t const index = reduced_ + i;
      std::memcpy(keys() + i * sizeof index, &index, sizeof index);
    }
    reduced_ += count;
    return count;
  }

  static bool means_no_batch(int result) noexcept {
    return result == -enotsupp || result == -EOPNOTSUPP || result == -EINVAL || result == -ENOSYS;
  }

  std::uint32_t next_batch(std::error_code& ec) noexcept {
    for (int stalls = 0;;) {
      std::uint32_t count = capacity_;
      void* const from = started_ ? room_.data() : nullptr;
      int const result = shape_.extract ? sys::map_extract_batch(shape_.fd, from, room_.data(), keys(), values(), count)
                                        : sys::map_lookup_batch(shape_.fd, from, room_.data(), keys(), values(), count);
      // Interrupted before it began (a sandbox may do so): the kernel stops short of the last when it is in between.
      if (result == -EINTR && count == capacity_) count = 0;
      if (!started_ && means_no_batch(result)) {
        // The kernel is too old for batches of this type, or something between us and it says so.
        how_ = counting::key_walk;
        return next_by_key(ec);
      }
      switch (result) {
        case 0:
        case -EINTR:  // kernels before 2025: other writers were in the way; what was copied counts
          if (result == 0 || count != 0) started_ = true;
          if (count == 0) break;
          // Batches of other types go by keys inside the kernel: if the last one is gone, they begin again.
          steps_ += count;
          if (!goes_by_buckets() && steps_ > max_steps()) return fail(ELOOP, ec);
          return count;
        case -ENOENT:  // the end, and these are the last
          end();
          return count;
        case -ENOSPC:
          // The next bucket alone is larger than the block. The cursor stands at it: take a larger block.
          started_ = true;
          if (capacity_ > std::numeric_limits<std::uint32_t>::max() / 2) {
            ec = make_error(ENOSPC);
            return end();
          }
          if (!reserve(capacity_ * 2, ec)) return end();
          if (shape_.extract) {
            ec = make_error(ENOSPC);
            return 0;
          }
          continue;
        default:
          ec = make_error(result);
          return end();
      }
      if (++stalls == max_stalls) {
        ec = make_error(EIO);
        return end();
      }
    }
  }

  // One key ahead: the kernel is asked for what follows a key while that is still there. After its deletion the walk
  // would begin again each time, past all the buckets that are empty by then.
  std::uint32_t extract_by_key(std::error_code& ec) noexcept {
    if (!started_) {
      int const result = sys::map_next_key(shape_.fd, nullptr, room_.data());
      started_ = true;
      last_ = result == -ENOENT;
      if (last_) return end();
      if (result != 0) return fail(result, ec);
    }
    while (!last_) {
      std::memcpy(keys(), room_.data(), shape_.key_size);
      int const following = sys::map_next_key(shape_.fd, keys(), room_.data());
      last_ = following == -ENOENT;
      if (following != 0 && !last_) return fail(following, ec);
      if (++steps_ > max_steps()) return fail(ELOOP, ec);
      int const result =
          shape_.keys_only ? sys::map_delete(shape_.fd, keys()) : sys::map_extract(shape_.fd, keys(), values());
      if (result == 0) return 1;
      if (result != -traits_of(shape_.type).errnos.absent) return fail(result, ec);
    }
    return end();
  }

  std::uint32_t fail(int number, std::error_code& ec) noexcept {
    ec = make_error(number);
    return end();
  }

  std::uint32_t next_by_key(std::error_code& ec) noexcept {
    if (shape_.extract) return extract_by_key(ec);
    // Between the key and its value the element may vanish: then there is one less, and no error.
    for (;;) {
      // The current key is in the cursor's room; the next is read beside it first, as the kernel reads one
      // while it writes the other.
      int result = sys::map_next_key(shape_.fd, started_ ? room_.data() : nullptr, keys());
      if (result == 0) {
        if (++steps_ > max_steps()) {
          ec = make_error(ELOOP);
          return end();
        }
        started_ = true;
        std::memcpy(room_.data(), keys(), shape_.key_size);
        if (shape_.keys_only) return 1;
        result = sys::map_lookup(shape_.fd, keys(), values());
        if (result == 0) return 1;
        if (result == -traits_of(shape_.type).errnos.absent) continue;
      } else if (result == -ENOENT) {
        return end();
      }
      ec = make_error(result);
      return end();
    }
  }

  // A walk of an idle map takes max_entries steps at the most; one that restarts again and again must stop. Where
  // max_entries is 0 (cgroup storages), nothing restarts: a key that is gone is the end.
  [[nodiscard]] std::uint64_t max_steps() const noexcept {
    return shape_.max_entries == 0 ? std::numeric_limits<std::uint32_t>::max()
                                   : 16 * std::uint64_t{shape_.max_entries} + 1024;
  }

  // Every bucket comes once, whatever others do.
  [[nodiscard]] bool goes_by_buckets() const noexcept {
    switch (shape_.type) {
      case map_type::hash:
      case map_type::lru_hash:
      case map_type::percpu_hash:
      case map_type::lru_percpu_hash:
      case map_type::hash_of_maps:
        return true;
      default:
        return false;
    }
  }

  static constexpr int max_stalls = 64;

  walk_shape shape_;
  counting how_;
  buffer room_;  // the cursor, the keys, the values
  std::size_t keys_bytes_ = 0;
  std::uint32_t capacity_ = 0;
  std::uint64_t steps_ = 0;
  std::uint32_t reduced_ = 0;  // elements that came reduced
  bool started_ = false;
  bool last_ = false;  // extracting by keys: there is no key ahead
  bool ended_ = false;
};

}  // namespace detail

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
