// SPDX-License-Identifier: MIT
#ifndef BPFMAP_STREAMS_PERF_EVENT_ARRAY_HPP
#define BPFMAP_STREAMS_PERF_EVENT_ARRAY_HPP

// perf_event_array, whose size follows from the machine, and perf_reader, which receives what BPF programs
// send through it.

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iterator>
#include <limits>
#include <ranges>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/handles.hpp>
#include <bpfmap/core/sizing.hpp>
#include <bpfmap/engine/handle_values.hpp>
#include <bpfmap/engine/keyed_map.hpp>
#include <bpfmap/kernel/perf_ring.hpp>
#include <bpfmap/kernel/perf_rings.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// BPF_MAP_TYPE_PERF_EVENT_ARRAY, Linux 4.3: a perf ring buffer for each CPU, that programs send records to with
/// bpf_perf_event_output.
///
/// `Sizing` says how many entries a new one has; leave max_entries 0. A map that exists already must have an
/// entry for every CPU that is online (unless the policy is partial): its programs' events would be lost.
/// @code
/// auto events = bpfmap::perf_event_array<>::create({.name = "events"});
/// auto reader = bpfmap::perf_reader<my_event>::open(events);
/// reader.poll(100ms, [](my_event const& event) { … });
/// @endcode
///
/// insert_or_assign() puts any perf event at an index, such as a hardware counter of that CPU, which programs read with
/// bpf_perf_event_read_value. The kernel takes it out again when the descriptors that it was put in through (and their
/// duplicates) are closed, unless the map has map_flags::preserve_elems; nothing can be looked up.
/// @code
/// cycles.insert_or_assign(3, bpfmap::perf_event_fd(opened_for_cpu_3));
/// @endcode
template <sizing_policy Sizing = sizing::possible_cpus>
class perf_event_array : public detail::keyed_map<perf_event_array<Sizing>, map_type::perf_event_array, std::uint32_t,
                                                  detail::handle_values<perf_event_fd>> {
 public:
  using sizing_type = Sizing;

  /// The possible CPUs that have no entry, because the map is too small: should they come up, their events are
  /// lost. Empty for the default policy.
  /// @cost an allocation
  [[nodiscard]] cpu_set uncovered_cpus(std::error_code& ec) const noexcept {
    if (!*this) {
      ec = make_error(EBADF);
      return {};
    }
    cpu_set const& possible = possible_cpus(ec);
    return ec ? cpu_set{} : possible.from(static_cast<std::uint32_t>(this->max_size()), ec);
  }

 private:
  friend typename perf_event_array::typed_map;

  static constexpr bool nothrow_create =
      std::is_nothrow_default_constructible_v<Sizing> && detail::nothrow_policy<Sizing>;
  static void adjust(create_options& options, std::error_code& ec, std::string* why) {
    auto const cpus = cpu_topology::read(cpu_topology::sysfs, ec);
    if (ec) {
      if (why != nullptr) *why = "the CPUs cannot be read: is sysfs mounted at /sys?";
      return;
    }
    std::uint32_t const entries = Sizing{}(cpus);
    if (options.max_entries != 0 && options.max_entries != entries) {
      ec = make_error(EINVAL);
      if (why != nullptr) *why = detail::join("leave max_entries 0: the sizing policy says ", entries);
      return;
    }
    options.max_entries = entries;
  }

  void open(std::error_code& ec, std::string* why) {
    cpu_set const online = online_cpus(ec);
    if (ec && why != nullptr) *why = "the online CPUs cannot be read: is sysfs mounted at /sys?";
    if (ec || detail::may_be_partial<Sizing> || online.highest() < this->max_size()) return;
    ec = make_error(ERANGE);
    if (why != nullptr) {
      *why = detail::join("the array has ", this->max_size(), " entries, but CPU ", online.highest(),
                          " is online: events of programs there would be lost; it needs ", online.highest() + 1,
                          " (sizing::possible_cpus is always enough)");
    }
  }
};

/// How a perf_reader is set up.
struct perf_options {
  /// Room for records, of each CPU, in bytes; rounded up to a power of two of pages.
  std::size_t bytes_per_cpu = 65536;
  /// The descriptor becomes readable when that many records have come on one CPU. A wake-up costs the program
  /// some 5 µs: with 256, programs are 20 times faster, and poll() fetches the rest when it times out.
  std::uint32_t wakeup_events = 1;
};

namespace detail {

template <class F, class Event>
concept event_visitor = because<std::invocable<F&, Event const&> || std::invocable<F&, Event const&, cpu>,
                                "f is called as f(event) or f(event, cpu), with copies or references to const">;

template <class F, class Event>
inline constexpr bool is_nothrow_visitor =
    std::invocable<F&, Event const&, cpu> ? std::is_nothrow_invocable_v<F&, Event const&, cpu>
                                          : std::is_nothrow_invocable_v<F&, Event const&>;

}  // namespace detail

/// Receives the records of a perf_event_array. Move-only; for one thread at a time.
///
/// `Event` is the struct that the program sends, or std::span<std::byte const> for records as they come. The
/// kernel pads records, so a longer one is fine; a shorter one than `Event` is never read, but counted, and
/// reported with EBADMSG when all others have been delivered.
///
/// A record is given once: it counts as seen when `f` has been called for it, also if `f` throws, and all others stay
/// for the next call. What waits in a reader that is destroyed or assigned to is gone with it: consume() it first.
///
/// An array has one reader at a time. Opening another takes the array's entries over, also those of another process:
/// from then on its events come here, and it is not told. The reader before gives what it has got so far, and may be
/// destroyed at any time:
/// @code
/// auto larger = bpfmap::perf_reader<my_event>::open(events, {.bytes_per_cpu = 1 << 20});
/// reader.consume(handle);
/// reader = std::move(larger);
/// @endcode
/// When a reader is destroyed, its entries go, and programs are told ENOENT. Without CAP_SYS_ADMIN, or with
/// map_flags::preserve_elems, they stay until the array's own descriptors are closed; then programs are told ENOSPC.
///
/// Inside its own callback, or in a loop over available(), a reader may be moved, assigned to and destroyed: what is
/// being read stays valid until the callback returns, and the call ends with it if the reader has gone. Its other
/// functions answer EBUSY there.
///
/// A forked child has no part in it: there, the functions answer EBADF, and destroying the copy changes nothing for
/// the parent. A child that wants the events opens a reader of its own.
template <stream_event Event>
class perf_reader {
 public:
  using event_type = Event;

  perf_reader() = default;

  /// Opens a buffer for every CPU that is online and has an entry. BPF_MAP_UPDATE_ELEM and perf_event_open. If that
  /// fails, a reader that the array has already goes on.
  /// @errors EACCES or EPERM no CAP_PERFMON; EMFILE; ENOMEM; EINVAL bytes_per_cpu or wakeup_events is 0
  /// @cost five system calls a CPU, and the buffers
  template <class Sizing>
  static perf_reader open(perf_event_array<Sizing> const& map, perf_options const& options,
                          std::error_code& ec) noexcept {
    return open_checked(map, options, ec, nullptr);
  }
  template <class Sizing>
  static perf_reader open(perf_event_array<Sizing> const& map, std::error_code& ec) noexcept {
    return open(map, perf_options{}, ec);
  }
  template <class Sizing>
  static perf_reader open(perf_event_array<Sizing> const& map, perf_options const& options = {})
    requires throwing<>
  {
    std::error_code ec;
    std::string why;
    perf_reader reader = open_checked(map, options, ec, &why);
    if (ec) detail::raise(ec, operation::open, map.description(), std::string(map.name()), why);
    return reader;
  }

  /// Calls `f(event)`, or `f(event, cpu)`, for every record that is there now; if `f` returns bool, false stops.
  /// @return how many records it was called for
  /// @errors EBADMSG some records were shorter than Event, or not to be understood: they were left out and counted
  ///         (malformed()); EBUSY called inside its own callback; EBADF the reader is empty, or the parent process'
  /// @cost no system call
  /// @concurrency records of one CPU come in order. If `f` throws, the record counts as seen and the next call
  ///              goes on behind it
  template <detail::event_visitor<Event> F>
  std::size_t consume(F&& f, std::error_code& ec) noexcept(detail::is_nothrow_visitor<F, Event>) {
    detail::perf_pass pass(rings_.get(), ec);
    return pass ? drain(pass, f, ec) : 0;
  }
  template <detail::event_visitor<Event> F>
    requires throwing<>
  std::size_t consume(F&& f) {
    std::error_code ec;
    std::size_t const seen = consume(f, ec);
    if (ec) raise(operation::consume, ec);
    return seen;
  }

  /// Consumes what is there; if there is nothing, waits until records come, `timeout` at the most. Negative: no limit.
  /// A signal ends it early, with what is there. When the time is up it takes what has not caused a wake-up yet.
  /// @return, @errors as consume()
  /// @cost no system call if records wait, else one
  template <detail::event_visitor<Event> F>
  std::size_t poll(std::chrono::milliseconds timeout, F&& f,
                   std::error_code& ec) noexcept(detail::is_nothrow_visitor<F, Event>) {
    using clock = std::chrono::steady_clock;
    auto const start = clock::now();
    bool over = false;
    for (auto left = timeout;;) {
      // Before it sleeps, always: who looked at the descriptor, or left records behind, has used their wake-up up.
      std::size_t const seen = consume(f, ec);
      if (seen != 0 || ec || over || left.count() == 0) return seen;
      int const woken = rings_->wait(milliseconds_of(left));
      if (woken < 0) {
        ec = make_error(woken);
        return 0;
      }
      over = woken == 0;
      if (timeout.count() >= 0) {
        left = timeout - std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - start);
        left = std::max(left, std::chrono::milliseconds(0));
      }
    }
  }
  template <detail::event_visitor<Event> F>
    requires throwing<>
  std::size_t poll(std::chrono::milliseconds timeout, F&& f) {
    std::error_code ec;
    std::size_t const seen = poll(timeout, f, ec);
    if (ec) raise(operation::poll, ec);
    return seen;
  }

  /// The records that are there when the loop begins, as an input range. An event counts as seen when it has been
  /// looked at, also if the loop is left then; the others stay. Records too short for Event are left out and counted
  /// (malformed()). Empty inside the reader's own callback.
  /// @cost no system call
  /// @code
  /// for (my_event const& event : reader.available()) …
  /// @endcode
  class available_range;
  [[nodiscard]] available_range available() noexcept { return available_range(rings_.get()); }

  /// A descriptor that becomes readable when records come: for epoll, poll or any event loop. Whoever asks whether it
  /// is readable takes the wake-up away, level-triggered or not, so then consume() or poll() until there is nothing
  /// more. Owned by the reader, and the same for all its life.
  [[nodiscard]] int fd() const noexcept { return rings_ == nullptr || rings_->inherited() ? -1 : rings_->fd(); }

  /// How many records the kernel had no room for, on all CPUs, or on one. Exact since Linux 6.0; before, a loss
  /// shows when a later record of the same CPU has found room.
  /// @cost one system call a CPU
  [[nodiscard]] std::uint64_t lost() const noexcept { return rings_ == nullptr ? 0 : rings_->lost(); }
  [[nodiscard]] std::uint64_t lost(cpu which) const noexcept { return rings_ == nullptr ? 0 : rings_->lost(which.id); }
  /// How many records were too short for Event, or not to be understood.
  [[nodiscard]] std::uint64_t malformed() const noexcept { return rings_ == nullptr ? 0 : rings_->malformed; }

  /// How many CPUs have a buffer, and the ids of those CPUs.
  [[nodiscard]] std::size_t cpu_count() const noexcept { return rings_ == nullptr ? 0 : rings_->current().size(); }
  [[nodiscard]] cpu cpu_at(std::size_t place) const noexcept { return {rings_->current()[place].cpu()}; }

  /// Follows CPU hotplug: opens a new buffer for every CPU that is online now, and consumes what is there. Call it when
  /// CPUs have come or gone: the kernel does not revive the buffer of a CPU that was offline. The old buffers are
  /// kept until they have been read, before the new ones: nothing is lost in between, whatever `f` does. It also takes
  /// the array's entries back from a later reader.
  /// @errors as open() and consume(); an error of open() leaves every CPU a buffer that works, and calls `f` for
  /// nothing
  /// @cost as open(), and some ten milliseconds until no program writes to the old buffers (membarrier(2))
  template <detail::event_visitor<Event> F>
  std::size_t resync(F&& f, std::error_code& ec) noexcept(detail::is_nothrow_visitor<F, Event>) {
    if (rings_ == nullptr || rings_->inherited()) {
      ec = make_error(EBADF);
      return 0;
    }
    rings_->renew(ec);
    return ec ? 0 : consume(f, ec);
  }
  template <detail::event_visitor<Event> F>
    requires throwing<>
  std::size_t resync(F&& f) {
    std::error_code ec;
    std::size_t const seen = resync(f, ec);
    if (ec) raise(operation::resync, ec);
    return seen;
  }

 private:
  // A record that stays where it is, in the ring, until it has been seen; others are copied.
  static constexpr bool in_place = std::same_as<Event, std::span<std::byte const>>;
  static constexpr std::size_t max_bytes = std::size_t{1} << 30;

  template <class Sizing>
  static perf_reader open_checked(perf_event_array<Sizing> const& map, perf_options const& options, std::error_code& ec,
                                  std::string* why) {
    perf_reader reader;
    if (options.bytes_per_cpu == 0 || options.wakeup_events == 0 || options.bytes_per_cpu > max_bytes) {
      ec = make_error(EINVAL);
      if (why != nullptr) *why = "bytes_per_cpu must be 1 to 2^30, and wakeup_events at least 1";
      return reader;
    }
    reader.rings_ = detail::perf_rings::open({.map_fd = map.fd(),
                                              .map_id = map.id(),
                                              .entries = map.max_size(),
                                              .bytes_per_cpu = options.bytes_per_cpu,
                                              .wakeup_events = options.wakeup_events},
                                             ec);
    if (ec && why != nullptr) *why = hint(ec.value());
    return reader;
  }

  static std::string hint(int number) {
    switch (number) {
      case EACCES:
      case EPERM:
        return "perf buffers need CAP_PERFMON (or root), a writable map, and room in kernel.perf_event_mlock_kb";
      case EMFILE:
        return "each CPU takes a descriptor: raise RLIMIT_NOFILE";
      case ENOMEM:
        return "not enough memory for bytes_per_cpu on every CPU";
      case EBADMSG:
        return "records were too short for the event type, or not to be understood: see malformed() (resync() opens "
               "new buffers)";
      case EBUSY:
        return "it was called by the reader's own callback: call it when that has returned";
      case EBADF:
        return "the reader is empty, or belongs to the process that this one was forked off: open one here";
      default:
        return {};
    }
  }

  // The next event of `ring` in this pass, or none; skips what is no event.
  static bool pull(detail::perf_rings& rings, detail::perf_ring& ring, Event& event) noexcept {
    for (;;) {
      switch (ring.next()) {
        case detail::perf_ring::record::none:
          return false;
        case detail::perf_ring::record::sample:
          if constexpr (in_place) {
            event = ring.payload();
            return true;
          } else {
            if (ring.payload().size() >= sizeof(Event)) {
              // A copy: records are aligned to 4 bytes only.
              std::memcpy(static_cast<void*>(&event), ring.payload().data(), sizeof(Event));
              return true;
            }
          }
          ++rings.malformed;
          break;
        case detail::perf_ring::record::malformed:
          ++rings.malformed;
          break;
        case detail::perf_ring::record::lost:
        case detail::perf_ring::record::other:
          break;
      }
      ring.consume();
    }
  }

  // @return whether it wants more
  template <class F>
  static bool call(F& f, Event const& event, cpu where) {
    auto const invoke = [&]() -> decltype(auto) {
      if constexpr (std::invocable<F&, Event const&, cpu>)
        return std::invoke(f, event, where);
      else
        return std::invoke(f, event);
    };
    if constexpr (std::is_same_v<decltype(invoke()), bool>) {
      return invoke();
    } else {
      invoke();
      return true;
    }
  }
  // Seen is seen, also when `f` leaves by an exception.
  template <class F>
  static bool take(detail::perf_pass const& pass, detail::perf_ring& ring, F& f, Event const& event) {
    if constexpr (in_place) {
      struct consumer {
        detail::perf_pass const& pass;
        detail::perf_ring& ring;
        ~consumer() {
          if (!pass->inherited()) ring.consume();
        }
      } const guard{pass, ring};
      return call(f, event, {ring.cpu()});
    } else {
      ring.consume();
      return call(f, event, {ring.cpu()});
    }
  }

  // No member function: `f` may destroy the reader.
  template <class F>
  static std::size_t drain(detail::perf_pass const& pass, F& f, std::error_code& ec) {
    std::size_t seen = 0;
    bool more = true;
    for (detail::perf_ring& ring : pass->rings()) {
      Event event;
      while (more && pull(*pass, ring, event)) {
        ++seen;
        more = take(pass, ring, f, event) && pass.goes_on();
      }
      if (!more) break;
    }
    ec = pass.result();
    return seen;
  }

  static int milliseconds_of(std::chrono::milliseconds time) noexcept {
    using count_type = std::chrono::milliseconds::rep;
    return static_cast<int>(std::clamp<count_type>(time.count(), -1, std::numeric_limits<int>::max()));
  }

  [[noreturn, gnu::cold, gnu::noinline]] static void raise(operation what, std::error_code ec) {
    detail::raise(ec, what, "a perf_reader", {}, hint(ec.value()));
  }

  detail::perf_rings::owner rings_;
};

template <stream_event Event>
class perf_reader<Event>::available_range : public std::ranges::view_base {
 public:
  explicit available_range(detail::perf_rings* rings) noexcept : rings_(rings) {}

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = Event;
    using difference_type = std::ptrdiff_t;

    explicit iterator(detail::perf_rings* rings) noexcept {
      std::error_code ec;  // there is nothing to read then
      pass_ = detail::perf_pass(rings, ec);
      settle();
    }
    iterator(iterator&& other) noexcept
        : pass_(std::move(other.pass_)),
          ring_(other.ring_),
          seen_(std::exchange(other.seen_, false)),
          event_(other.event_) {}
    iterator& operator=(iterator&& other) noexcept {
      if (this != &other) {
        leave();
        pass_ = std::move(other.pass_);
        ring_ = other.ring_;
        seen_ = std::exchange(other.seen_, false);
        event_ = other.event_;
      }
      return *this;
    }
    ~iterator() { leave(); }

    [[nodiscard]] Event const& operator*() const noexcept {
      seen_ = true;
      return event_;
    }
    /// The CPU that the event comes from.
    [[nodiscard]] cpu where() const noexcept { return {pass_->rings()[ring_].cpu()}; }
    iterator& operator++() noexcept {
      seen_ = true;
      leave();
      settle();
      return *this;
    }
    void operator++(int) noexcept { ++*this; }
    [[nodiscard]] friend bool operator==(iterator const& it, std::default_sentinel_t) noexcept { return it.done(); }

   private:
    [[nodiscard]] bool done() const noexcept { return !pass_ || ring_ >= pass_->rings().size(); }
    // To the next event, or the end.
    void settle() noexcept {
      if (!pass_) return;
      auto const rings = pass_->rings();
      if (!pass_.goes_on()) ring_ = rings.size();
      while (ring_ < rings.size() && !pull(*pass_, rings[ring_], event_)) ++ring_;
    }
    void leave() noexcept {
      if (std::exchange(seen_, false) && !done() && !pass_->inherited()) pass_->rings()[ring_].consume();
    }

    detail::perf_pass pass_;
    std::size_t ring_ = 0;
    mutable bool seen_ = false;
    Event event_{};
  };

  [[nodiscard]] iterator begin() const noexcept { return iterator(rings_); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  detail::perf_rings* rings_;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
