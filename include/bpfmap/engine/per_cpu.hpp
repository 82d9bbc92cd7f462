// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_PER_CPU_HPP
#define BPFMAP_ENGINE_PER_CPU_HPP

// How the bytes that the kernel gives for one element become the value that the user sees, and back: as they
// are, or, for per-CPU maps, through a reducer.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include <pthread.h>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/reduce.hpp>
#include <bpfmap/core/reduction_table.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

// Buffers begin here, so that slots and values are aligned whatever their type asks for.
inline constexpr std::size_t buffer_alignment = 64;

/// Memory for elements; freed when destroyed.
class buffer {
 public:
  buffer() = default;
  buffer(buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  buffer& operator=(buffer&& other) noexcept {
    buffer taken(std::move(other));
    std::swap(data_, taken.data_);
    std::swap(bytes_, taken.bytes_);
    return *this;
  }
  ~buffer() { ::operator delete(data_, std::align_val_t{buffer_alignment}); }

  /// `bytes` of uninitialised memory; empty if there is not so much.
  static buffer allocate(std::size_t bytes) noexcept {
    buffer made;
    made.data_ = ::operator new(bytes, std::align_val_t{buffer_alignment}, std::nothrow);
    made.bytes_ = made.data_ == nullptr ? 0 : bytes;
    return made;
  }

  /// What release() gave.
  static buffer adopt(void* data, std::size_t bytes) noexcept {
    buffer made;
    made.data_ = data;
    made.bytes_ = bytes;
    return made;
  }
  [[nodiscard]] void* release() noexcept {
    bytes_ = 0;
    return std::exchange(data_, nullptr);
  }

  [[nodiscard]] std::byte* data() const noexcept { return static_cast<std::byte*>(data_); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Memory that a thread keeps for its next walk or per-CPU element, so that these allocate only when they need more
/// than ever before. What is lent while another loan is out (a reducer that reads another map) is allocated.
class spare_memory {
 public:
  /// At least `bytes`, uninitialised; empty if there is not so much.
  static buffer lend(std::size_t bytes) noexcept {
    buffer lent = buffer::adopt(std::exchange(kept_.data, nullptr), std::exchange(kept_.bytes, 0));
    if (lent.size() < bytes) lent = buffer::allocate(bytes);
    return lent;
  }
  static void give_back(buffer lent) noexcept {
    if (lent.size() <= kept_.bytes || lent.size() > most_kept || !at_thread_end_.frees(kept_)) return;
    buffer const smaller = buffer::adopt(kept_.data, kept_.bytes);
    kept_.bytes = lent.size();
    kept_.data = lent.release();
  }

 private:
  // What a walk takes at first, and the largest elements of some dozen CPUs; for more, an allocation is no matter.
  static constexpr std::size_t most_kept = std::size_t{1} << 21;

  struct kept {
    void* data;
    std::size_t bytes;
    bool gone;  // a walk may end while its thread does, after this
  };

  // Frees what a thread has kept when it ends. A thread_local object with a destructor would do, but for one thing:
  // where there is no memory to note that destructor, the C library ends the process.
  class thread_end {
   public:
    thread_end() noexcept { usable_ = ::pthread_key_create(&key_, &free_kept) == 0; }
    thread_end(thread_end const&) = delete;
    thread_end& operator=(thread_end const&) = delete;
    // A shared library that is unloaded takes free_kept with it.
    ~thread_end() {
      if (std::exchange(usable_, false)) ::pthread_key_delete(key_);
    }

    /// Whether `mine` will be freed at the end of this thread.
    bool frees(kept& mine) const noexcept { return usable_ && !mine.gone && ::pthread_setspecific(key_, &mine) == 0; }

   private:
    static void free_kept(void* of_thread) noexcept {
      auto& mine = *static_cast<kept*>(of_thread);
      mine.gone = true;
      buffer const freed = buffer::adopt(std::exchange(mine.data, nullptr), std::exchange(mine.bytes, 0));
    }

    ::pthread_key_t key_{};
    bool usable_ = false;  // not before it is constructed, nor after it is destroyed
  };

  static inline thread_local constinit kept kept_{};
  static inline thread_end at_thread_end_;
};

/// Room for one per-CPU element.
class scratch {
 public:
  explicit scratch(std::size_t bytes) noexcept : lent_(spare_memory::lend(bytes)) {}
  scratch(scratch const&) = delete;
  scratch& operator=(scratch const&) = delete;
  ~scratch() { spare_memory::give_back(std::move(lent_)); }

  /// Null if there was not enough memory.
  [[nodiscard]] std::byte* data() const noexcept { return lent_.data(); }

 private:
  buffer lent_;
};

/// Values that are what they are.
template <map_value Value>
struct plain_values {
  using slot_type = Value;
  using mapped_type = Value;
  static constexpr bool per_cpu = false;
  static constexpr bool readable = true;
  static constexpr bool writable = true;
  static constexpr bool nothrow = true;
  static constexpr bool nothrow_write = true;

  /// What the kernel copies for one element.
  static std::size_t element_bytes(std::size_t) noexcept { return sizeof(Value); }
  static Value decode(std::byte const* from) noexcept {
    Value value;
    std::memcpy(static_cast<void*>(&value), from, sizeof value);
    return value;
  }
};

/// Values that are a slot a CPU, seen through a reducer.
template <per_cpu_slot Slot, class Reducer>
  requires reducer<Reducer, Slot>
struct reduced_values {
  using slot_type = Slot;
  using mapped_type = reduced_t<Reducer, Slot>;
  static constexpr bool per_cpu = true;
  static constexpr bool readable = true;
  static constexpr bool writable = scattering_reducer<Reducer, Slot>;
  static constexpr bool reducible_in_kernel = detail::reducible_in_kernel<Slot, Reducer>;
  static constexpr bool nothrow = std::is_nothrow_invocable_v<Reducer const&, per_cpu_view<Slot const>>;
  static constexpr bool nothrow_write = requires(mapped_type const& value, per_cpu_view<Slot> slots) {
    { Reducer{}.scatter(value, slots) } noexcept;
  };
  static_assert(alignof(Slot) <= buffer_alignment, "a slot may be aligned to 64 bytes at the most");

  static std::size_t element_bytes(std::size_t cpus) noexcept { return slot_stride<Slot> * cpus; }
  static mapped_type decode(std::byte const* from, cpu_set const& cpus) noexcept(nothrow) {
    return Reducer{}(per_cpu_view<Slot const>(from, cpus));
  }
  /// False if no slots reduce to `value`. Every byte of the element is set: the kernel copies padding too.
  static bool encode(mapped_type const& value, std::byte* to, cpu_set const& cpus) noexcept(nothrow_write)
    requires writable
  {
    std::memset(to, 0, element_bytes(cpus.size()));
    per_cpu_view<Slot> const slots(to, cpus);
    if constexpr (std::is_same_v<decltype(Reducer{}.scatter(value, slots)), bool>) {
      return Reducer{}.scatter(value, slots);
    } else {
      Reducer{}.scatter(value, slots);
      return true;
    }
  }
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
