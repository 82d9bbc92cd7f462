// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_BULK_HPP
#define BPFMAP_ENGINE_BULK_HPP

// Calls on many keys: the way that is taken, chosen when the program runs, and the ways themselves. Works on bytes, so
// it is compiled once for all maps.

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <system_error>
#include <utility>

#include <bpfmap/core/bulk.hpp>
#include <bpfmap/core/made_once.hpp>
#include <bpfmap/core/map_traits.hpp>
#include <bpfmap/kernel/bulk_programs.hpp>
#include <bpfmap/kernel/process.hpp>
#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

enum class bulk_operation : std::uint8_t { find, insert, assign, insert_or_assign, erase };

/// A call on many keys, and how far it is. Keys and values lie one after another.
struct bulk_job {
  bulk_operation operation;
  int fd;
  map_type type;
  std::uint32_t key_size;
  std::size_t value_size;  // of all CPUs, as far as there are values
  std::byte const* keys;
  std::byte* values;  // find: to be filled; erase: null; else read only
  std::uint64_t count;
  key_bits* which;            // of `count` zeros, or null
  std::uint64_t first_value;  // the key that `values` begins with
  bulk_result progress;

  [[nodiscard]] std::byte const* key(std::uint64_t i) const noexcept { return keys + i * key_size; }
  [[nodiscard]] std::byte* value(std::uint64_t i) const noexcept { return values + (i - first_value) * value_size; }
  [[nodiscard]] std::uint64_t left() const noexcept { return count - progress.handled; }

  [[nodiscard]] std::uint64_t flags() const noexcept {
    return operation == bulk_operation::insert   ? elem_flags::noexist
           : operation == bulk_operation::assign ? elem_flags::exist
                                                 : elem_flags::any;
  }
  /// The errno that only says that the key did not match; 0 if there is none.
  [[nodiscard]] int tolerated() const noexcept {
    element_errnos const& errnos = traits_of(type).errnos;
    switch (operation) {
      case bulk_operation::find:
        return errnos.absent;
      case bulk_operation::insert:
        return errnos.noexist_on_present;
      case bulk_operation::assign:
        return errnos.exist_on_absent;
      case bulk_operation::insert_or_assign:
        return 0;
      case bulk_operation::erase:
        return errnos.erase_absent;
    }
    return 0;
  }

  /// The next key is done.
  void advance(bool matched) noexcept {
    if (matched) {
      ++progress.matched;
      if (which != nullptr) which->set(progress.handled);
    } else if (operation == bulk_operation::find) {
      std::memset(value(progress.handled), 0, value_size);
    }
    ++progress.handled;
  }
  /// The next `many` keys are done, and all of them matched.
  void advance_all(std::uint64_t many) noexcept {
    if (which != nullptr) which->set(progress.handled, many);
    progress.matched += many;
    progress.handled += many;
  }
};

/// Does one map's calls on many keys; part of the map object. Safe for concurrent use.
///
/// The first key of a call always goes by system call: only that asks whether this descriptor may read or write (of
/// programs the kernel does not ask it, also when the map is frozen). And where a program or a batch meets an error,
/// its key is tried again by system call, whose word counts. So all ways give the same errors.
class bulk_engine {
 public:
  bulk_engine() = default;
  bulk_engine(bulk_engine&& other) noexcept
      : kernel_(std::move(other.kernel_)),
        used_(other.used_.load()),
        forced_(other.forced_.load()),
        spent_(other.spent_.load()) {}
  bulk_engine& operator=(bulk_engine&& other) noexcept {
    if (this != &other) {
      kernel_ = std::move(other.kernel_);
      used_ = other.used_.load();
      forced_ = other.forced_.load();
      spent_ = other.spent_.load();
    }
    return *this;
  }
  ~bulk_engine() = default;

  [[nodiscard]] bulk_path used() const noexcept { return used_.load(std::memory_order_relaxed); }
  void force(bulk_path path) noexcept { forced_.store(path, std::memory_order_relaxed); }
  void took(bulk_path path) const noexcept { used_.store(path, std::memory_order_relaxed); }
  [[nodiscard]] bulk_path forced() const noexcept { return forced_.load(std::memory_order_relaxed); }

  /// Does what is left of `job`; its progress tells how far that came.
  /// @errors those of the element's own command; of a way that was forced, EOPNOTSUPP or why it cannot be taken
  void run(bulk_job& job, std::error_code& ec) const noexcept {
    ec.clear();
    if (job.fd < 0) {
      ec = make_error(EBADF);
      return;
    }
    bulk_path const forced = forced_.load(std::memory_order_relaxed);
    if ((forced == bulk_path::in_kernel && !has_program(job)) || (forced == bulk_path::batch && !has_batch(job))) {
      ec = make_error(EOPNOTSUPP);
      return;
    }
    if (job.left() != 0) by_single(job, ec);
    bulk_path taken = forced == bulk_path::automatic ? bulk_path::single : forced;
    if (!ec && forced == bulk_path::automatic && job.left() >= worth_another_way) {
      taken = run_best(job, ec);
    } else if (!ec && forced == bulk_path::in_kernel) {
      run_in_kernel(job, true, ec);
    } else if (!ec && forced == bulk_path::batch) {
      run_batch(job, true, ec);
    }
    while (!ec && job.left() != 0) by_single(job, ec);
    used_.store(taken, std::memory_order_relaxed);
  }

  /// Lets `one(i)` do each of `count` keys, which tells whether it matched, and sets `ec` to stop.
  template <class One>
  bulk_result run_each(std::uint64_t count, key_bits* which, One const& one, std::error_code& ec) const {
    bulk_result progress;
    bulk_path const forced = forced_.load(std::memory_order_relaxed);
    bool const refused = forced == bulk_path::in_kernel || forced == bulk_path::batch;
    ec = refused ? make_error(EOPNOTSUPP) : std::error_code{};
    while (!ec && progress.handled < count) {
      bool const matched = one(progress.handled);
      if (ec) break;
      if (matched && which != nullptr) which->set(progress.handled);
      progress.matched += matched ? 1 : 0;
      ++progress.handled;
    }
    used_.store(bulk_path::single, std::memory_order_relaxed);
    return progress;
  }

 private:
  // Each process has its own: a parent and its child must not work in the same memory, and a thread that has its turn
  // in the parent never gives it back in the child.
  struct in_kernel {
    std::mutex turn;  // one thread at a time works in the memory
    scratch_array memory;
    bulk_layout layout;
    std::array<owned_once<unique_fd>, 3> programs;
  };
  // One system call costs as much as running a program.
  static constexpr std::uint64_t worth_another_way = 2;
  // What making the memory and loading a program costs (0.2 ms), in keys of the next best way: single calls take 0.9 µs
  // longer than a program, batches 0.15 µs.
  static constexpr std::uint64_t setup_cost_beside_single = 256;
  static constexpr std::uint64_t setup_cost_beside_batch = 1024;
  // Keys in one batch, so that no call takes long.
  static constexpr std::uint64_t max_batch = 65'536;

  static bulk_work work_of(bulk_operation operation) noexcept {
    return operation == bulk_operation::find    ? bulk_work::find
           : operation == bulk_operation::erase ? bulk_work::erase
                                                : bulk_work::write;
  }
  // Whether a program could do this. A program sees its own CPU's slot only; and when it looks an element up, an LRU
  // map takes that for use, which a lookup from user space is not.
  static bool has_program(bulk_job const& job) noexcept {
    map_traits const& traits = traits_of(job.type);
    bool const per_cpu = traits.value == value_kind::percpu;
    if (job.operation == bulk_operation::erase) return bulk_layout::fits(job.key_size, 0);
    if (per_cpu || (job.operation == bulk_operation::find && traits.evicts)) return false;
    return bulk_layout::fits(job.key_size, job.value_size);
  }
  // The kernel's batches take no flags but BPF_F_LOCK, and none looks up by keys.
  static bool has_batch(bulk_job const& job) noexcept {
    command_support const& commands = traits_of(job.type).commands;
    return (job.operation == bulk_operation::insert_or_assign && commands.update_batch) ||
           (job.operation == bulk_operation::erase && commands.delete_batch);
  }

  bulk_path run_best(bulk_job& job, std::error_code& ec) const noexcept {
    bool const batch = has_batch(job);
    std::uint64_t const cost = batch ? setup_cost_beside_batch : setup_cost_beside_single;
    std::uint64_t const spent = spent_.load(std::memory_order_relaxed);
    bool const worth = kernel_.exists() || spent + job.left() >= cost;
    if (worth && has_program(job) && run_in_kernel(job, false, ec)) return bulk_path::in_kernel;
    if (!worth) spent_.fetch_add(static_cast<std::uint32_t>(job.left()), std::memory_order_relaxed);
    if (batch && run_batch(job, false, ec)) return bulk_path::batch;
    return bulk_path::single;
  }

  static void by_single(bulk_job& job, std::error_code& ec) noexcept {
    std::uint64_t const at = job.progress.handled;
    int result = 0;
    if (job.operation == bulk_operation::find)
      result = sys::map_lookup(job.fd, job.key(at), job.value(at));
    else if (job.operation == bulk_operation::erase)
      result = sys::map_delete(job.fd, job.key(at));
    else
      result = sys::map_update(job.fd, job.key(at), job.value(at), job.flags());
    int const tolerated = job.tolerated();
    if (result == 0 || (tolerated != 0 && result == -tolerated))
      job.advance(result == 0);
    else
      ec = make_error(result);
  }

  // False if the kernel has no such batch; then nothing was done. (It may be forced: then that is the error.)
  static bool run_batch(bulk_job& job, bool forced, std::error_code& ec) noexcept {
    bool first = true;
    while (job.left() != 0) {
      std::uint64_t const at = job.progress.handled;
      auto const wanted = static_cast<std::uint32_t>(std::min(job.left(), max_batch));
      std::uint32_t count = wanted;
      int const result = job.operation == bulk_operation::erase
                             ? sys::map_delete_batch(job.fd, job.key(at), count)
                             : sys::map_update_batch(job.fd, job.key(at), job.value(at), count);
      if (result != 0 && count == wanted) {
        // Refused before it began; the kernel sets the count otherwise.
        if (first && (result == -enotsupp || result == -EOPNOTSUPP || result == -EINVAL)) {
          if (forced) ec = no_such_way(make_error(result));
          return forced;
        }
        count = 0;
      }
      first = false;
      job.advance_all(count);
      if (result != 0 || count == 0) by_single(job, ec);  // this key's own errno; or it is only absent
      if (ec) return true;
    }
    return true;
  }

  // False if there is no such program, or it cannot be run; then what is done is done, and the rest is left.
  bool run_in_kernel(bulk_job& job, bool forced, std::error_code& ec) const noexcept {
    std::error_code why;
    in_kernel* const kernel = kernel_.get(
        [&job](in_kernel& made, std::error_code& failed) noexcept {
          made.layout = bulk_layout::of(job.key_size, layout_value_size(job));
          made.memory = scratch_array::create(made.layout.bytes, failed);
        },
        why, process_number());
    int const program = kernel == nullptr ? -1 : program_for(*kernel, job, why);
    // A list each: a call of many keys does not keep the others waiting.
    while (!why && !ec && job.left() != 0) {
      std::lock_guard<std::mutex> const mine(kernel->turn);
      run_list(job, *kernel, program, why, ec);
    }
    if (why && forced) ec = no_such_way(why);
    return !why;
  }

  // EINVAL is how the kernel refuses a way for a type of map: it is no fault of the keys or values.
  static std::error_code no_such_way(std::error_code why) noexcept {
    return why.value() == EINVAL ? make_error(EOPNOTSUPP) : why;
  }

  static int program_for(in_kernel& kernel, bulk_job const& job, std::error_code& why) noexcept {
    bulk_work const work = work_of(job.operation);
    unique_fd const* const program = kernel.programs[static_cast<std::size_t>(work)].get(
        [&](unique_fd& made, std::error_code& failed) noexcept {
          made = load_bulk_program(work, job.fd, kernel.layout, kernel.memory, has_may_goto(), failed);
        },
        why);
    return program == nullptr ? -1 : program->get();
  }
  // Values that no program handles need no room.
  static std::uint32_t layout_value_size(bulk_job const& job) noexcept {
    bool const handled =
        traits_of(job.type).value != value_kind::percpu && job.value_size <= bulk_layout::max_value_size;
    return handled ? static_cast<std::uint32_t>(job.value_size) : 0;
  }

  static void run_list(bulk_job& job, in_kernel& kernel, int program, std::error_code& why,
                       std::error_code& ec) noexcept {
    bulk_layout const& layout = kernel.layout;
    std::byte* const memory = kernel.memory.data();
    std::uint64_t const at = job.progress.handled;
    auto const count = static_cast<std::uint32_t>(std::min<std::uint64_t>(job.left(), layout.most));
    bool const reads = job.operation == bulk_operation::find;
    std::memcpy(memory + layout.keys_at, job.key(at), std::size_t{count} * layout.key_size);
    if (!reads && job.operation != bulk_operation::erase) {
      std::memcpy(memory + layout.values_at, job.value(at), std::size_t{count} * layout.value_size);
    }
    list_header header{.count = count, .argument = job.flags(), .tolerated = -job.tolerated()};
    std::memcpy(memory, &header, sizeof header);
    // One run may do a part only.
    for (std::uint32_t before = 0; header.next != count; before = header.next) {
      run_syscall_program(program, why);
      std::memcpy(&header, memory, sizeof header);
      if (!why && header.error == 0 && header.next == before) why = make_error(EIO);
      if (why || header.error != 0) break;
    }
    if (reads) std::memcpy(job.value(at), memory + layout.values_at, std::size_t{header.next} * layout.value_size);
    collect(job, memory + layout.status_at, header);
    if (!why && header.error != 0) by_single(job, ec);
  }

  // Takes over what the program did.
  static void collect(bulk_job& job, std::byte const* status, list_header const& header) noexcept {
    if (header.matched == header.next) return job.advance_all(header.next);
    for (std::uint32_t i = 0; i < header.next; ++i) job.advance(status[i] != std::byte{0});
  }

  [[no_unique_address]] owned_once<in_kernel> kernel_;
  mutable std::atomic<bulk_path> used_{bulk_path::automatic};
  std::atomic<bulk_path> forced_{bulk_path::automatic};
  mutable std::atomic<std::uint32_t> spent_{0};  // no more than a set-up costs
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
