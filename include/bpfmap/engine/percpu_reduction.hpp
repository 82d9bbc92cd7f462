// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_PERCPU_REDUCTION_HPP
#define BPFMAP_ENGINE_PERCPU_REDUCTION_HPP

// Reducing a per-CPU array inside the kernel: the program and its memory, made when they are worth it and kept with
// the map object.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <system_error>
#include <utility>

#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/error.hpp>
#include <bpfmap/core/made_once.hpp>
#include <bpfmap/core/reduction_table.hpp>
#include <bpfmap/kernel/list_program.hpp>
#include <bpfmap/kernel/process.hpp>
#include <bpfmap/kernel/reduction_program.hpp>
#include <bpfmap/kernel/scratch_array.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// What a reduction must know of a map.
struct reduction_shape {
  int fd = -1;
  std::uint32_t max_entries = 0;
  cpu_set const* cpus = nullptr;
  reduction_table table;
};

/// Reduces the elements of one per-CPU array; part of the map object. Safe for concurrent use: threads take turns, a
/// block at a time.
class percpu_reduction {
 public:
  percpu_reduction() = default;
  percpu_reduction(percpu_reduction&& other) noexcept
      : tools_(std::move(other.tools_)), copied_(other.copied_.load()) {}
  percpu_reduction& operator=(percpu_reduction&& other) noexcept {
    if (this == &other) return *this;
    tools_ = std::move(other.tools_);
    copied_ = other.copied_.load();
    return *this;
  }
  ~percpu_reduction() = default;

  /// Whether the next `count` elements are better reduced in the kernel. Loading the program costs as much as copying
  /// many elements: they are copied until as much work has been spent on copying.
  [[nodiscard]] bool is_worth_it(std::uint32_t count) const noexcept {
    if (tools_.refusal() != 0) return false;
    if (tools_.exists()) return count >= least;
    return copied_.load(std::memory_order_relaxed) + count >= setup_cost;
  }
  /// So many elements were reduced by copying all their slots.
  void note_copied(std::uint64_t count) const noexcept { copied_.fetch_add(count, std::memory_order_relaxed); }

  /// Reduces elements from index `first` on into `out`; `first + count` is at most max_entries.
  /// @return how many; fewer than `count` only with an error
  /// @errors those of creating an array and of loading a program: EPERM no CAP_BPF; EINVAL the kernel is older than
  ///         5.19; ENOMEM, EMFILE. A refusal that will not pass is remembered
  /// @cost one system call for up to 4096 elements; no allocation but the first time
  std::uint32_t reduce(reduction_shape const& shape, std::uint32_t first, std::uint32_t count, std::byte* out,
                       std::error_code& ec) const noexcept {
    tools* const ready = tools_.get([&shape](tools& made, std::error_code& why) noexcept { made.prepare(shape, why); },
                                    ec, process_number());
    std::uint32_t done = 0;
    while (!ec && done < count) {
      done +=
          ready->run(shape.table, first + done, count - done, out + std::size_t{done} * shape.table.result_bytes, ec);
    }
    return done;
  }

 private:
  // What setting up costs, in elements that are copied instead (about 0.25 µs each).
  static constexpr std::uint64_t setup_cost = 1024;
  // For so many, running the program is no slower than copying them.
  static constexpr std::uint32_t least = 4;

  // The program and its memory. Each process has its own: a parent and its child must not work in the same memory, and
  // a thread that has its turn in the parent never gives it back in the child.
  struct tools {
    std::mutex turn;  // one thread at a time works in the memory
    scratch_array memory;
    unique_fd program;
    reduction_layout layout;

    void prepare(reduction_shape const& shape, std::error_code& ec) noexcept {
      if (shape.table.numbers.empty()) {
        ec = make_error(ENOMEM);
        return;
      }
      layout = reduction_layout::of(shape.table.result_bytes, shape.cpus->size(), shape.max_entries);
      memory = scratch_array::create(layout.bytes, ec);
      if (ec) return;
      place_ids(memory.data(), layout, *shape.cpus);
      program = load_reduction(shape.table, layout, shape.cpus->size(), shape.fd, memory, has_may_goto(), ec);
    }

    // One block, complete unless there is an error.
    std::uint32_t run(reduction_table const& table, std::uint32_t first, std::uint32_t count, std::byte* out,
                      std::error_code& ec) noexcept {
      std::lock_guard<std::mutex> const mine(turn);
      auto& list = object_at<reduction_header>(memory.data())->list;
      list.next = 0;
      list.count = std::min(count, layout.most);
      list.argument = first;
      for (std::uint32_t done = 0; done < list.count && !ec; done = list.next) {
        run_syscall_program(program.get(), ec);
        if (!ec && list.next == done) ec = make_error(EIO);
      }
      std::uint32_t const done = list.next;
      std::memcpy(out, memory.data() + layout.results, std::size_t{done} * table.result_bytes);
      return done;
    }
  };

  owned_once<tools> tools_;
  mutable std::atomic<std::uint64_t> copied_{0};
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
