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
#include <memory>
#include <new>
#include <ranges>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include <sys/epoll.h>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/handles.hpp>
#include <bpfmap/core/sizing.hpp>
#include <bpfmap/engine/handle_values.hpp>
#include <bpfmap/engine/keyed_map.hpp>
#include <bpfmap/kernel/perf_ring.hpp>

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
/// One reader for a map: opening another takes the map's entries over.
template <stream_event Event>
class perf_reader {
 public:
  using event_type = Event;

  perf_reader() = default;
  perf_reader(perf_reader&& other) noexcept { take(other); }
  perf_reader& operator=(perf_reader&& other) noexcept {
    if (this != &other) {
      close();
      take(other);
    }
    return *this;
  }
  ~perf_reader() { close(); }

  /// Opens a buffer for every CPU that is online and has an entry. BPF_MAP_UPDATE_ELEM and perf_event_open.
  /// @errors EACCES or EPERM no CAP_PERFMON; EMFILE; ENOMEM; EINVAL bytes_per_cpu or wakeup_events is 0
  /// @cost five system calls a CPU, and the buffers
  template <class Sizing>
  static perf_reader open(perf_event_array<Sizing> const& map, perf_options const& options,
                          std::error_code& ec) noexcept {
    return open_checked(map, options, ec, nullptr);
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
  /// @errors EBADMSG some records were shorter than Event: they were left out and counted (malformed())
  /// @cost no system call
  /// @concurrency records of one CPU come in order. If `f` throws, the record counts as seen and the next call
  ///              goes on behind it
  template <detail::event_visitor<Event> F>
  std::size_t consume(F&& f, std::error_code& ec) noexcept(detail::is_nothrow_visitor<F, Event>) {
    begin_pass();
    return drain(0, ring_count_, f, ec);
  }
  template <detail::event_visitor<Event> F>
    requires throwing<>
  std::size_t consume(F&& f) {
    std::error_code ec;
    std::size_t const seen = consume(f, ec);
    if (ec) raise(operation::consume, ec);
    return seen;
  }

  /// Waits until records come, `timeout` at the most, and consumes them. Negative: no limit. A signal ends it
  /// early, with what is there. After the time is up it takes what has not caused a wake-up yet.
  /// @return, @errors as consume()
  /// @cost one system call
  template <detail::event_visitor<Event> F>
  std::size_t poll(std::chrono::milliseconds timeout, F&& f,
                   std::error_code& ec) noexcept(detail::is_nothrow_visitor<F, Event>) {
    // What a callback stopped before has had its wake-up already.
    if (unfinished_) {
      std::size_t const seen = consume(f, ec);
      if (seen != 0 || ec) return seen;
    }
    using clock = std::chrono::steady_clock;
    auto const start = clock::now();
    auto left = timeout;
    for (;;) {
      constexpr int max_ready = 64;
      epoll_event ready[max_ready];
      int const count = ::epoll_wait(epoll_.get(), ready, max_ready, milliseconds_of(left));
      if (count < 0 && errno != EINTR) {
        ec = make_error(errno);
        return 0;
      }
      // All of them: when the time is up, for what has caused no wake-up; and if some ready ones found no place.
      if (count <= 0 || count == max_ready) return consume(f, ec);
      std::size_t const seen = consume_ready(std::span(ready).first(static_cast<std::size_t>(count)), f, ec);
      if (seen != 0 || ec) return seen;
      // A wake-up for records that an earlier consume() has taken: go on waiting.
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

  /// The records that are there now, as an input range: an event counts as seen when the loop goes on behind it.
  /// Records too short for Event are left out and counted (malformed()).
  /// @cost no system call
  /// @code
  /// for (my_event const& event : reader.available()) …
  /// @endcode
  class available_range;
  [[nodiscard]] available_range available() noexcept {
    begin_pass();
    return available_range(*this);
  }

  /// A descriptor that is readable when records wait: for epoll, poll or any event loop. Owned by the reader.
  [[nodiscard]] int fd() const noexcept { return epoll_.get(); }

  /// How many records the kernel had no room for, on all CPUs, or on one. Exact since Linux 6.0; before, a loss
  /// shows when a later record of the same CPU has found room.
  /// @cost one system call a CPU
  [[nodiscard]] std::uint64_t lost() const noexcept {
    std::uint64_t sum = lost_before_;
    for (std::size_t i = 0; i < ring_count_; ++i) sum += rings_[i].lost();
    return sum;
  }
  [[nodiscard]] std::uint64_t lost(cpu which) const noexcept {
    for (std::size_t i = 0; i < ring_count_; ++i) {
      if (rings_[i].cpu() == which.id) return rings_[i].lost();
    }
    return 0;
  }
  /// How many records were too short for Event, or not to be understood.
  [[nodiscard]] std::uint64_t malformed() const noexcept { return malformed_; }

  /// How many CPUs have a buffer, and the ids of those CPUs.
  [[nodiscard]] std::size_t cpu_count() const noexcept { return ring_count_; }
  [[nodiscard]] cpu cpu_at(std::size_t place) const noexcept { return {rings_[place].cpu()}; }

  /// Follows CPU hotplug: opens a new buffer for every CPU that is online now. Call it when CPUs have come or
  /// gone: the kernel does not revive the buffer of a CPU that was offline. What the old buffers still hold is
  /// given to `f` first, once programs write to the new ones: nothing is lost in between.
  /// @errors as open(); on an error the old buffers stay
  template <detail::event_visitor<Event> F>
  std::size_t resync(F&& f, std::error_code& ec) noexcept(detail::is_nothrow_visitor<F, Event>) {
    perf_reader fresh;
    fresh.map_ = unique_fd::duplicate(map_.get(), ec);
    fresh.options_ = options_;
    fresh.entries_ = entries_;
    if (!ec) fresh.open_rings(ec);
    if (ec) {
      // The entries are ours again.
      for (std::size_t i = 0; i < ring_count_; ++i) {
        std::uint32_t const id = rings_[i].cpu();
        int const fd = rings_[i].fd();
        static_cast<void>(sys::map_update(map_.get(), &id, &fd, elem_flags::any));
      }
      fresh.ring_count_ = 0;
      return 0;
    }
    std::size_t const seen = consume(f, ec);
    fresh.lost_before_ = lost();
    fresh.malformed_ = malformed_;
    rings_.reset();
    ring_count_ = 0;
    take(fresh);
    return seen;
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
  template <class Sizing>
  static perf_reader open_checked(perf_event_array<Sizing> const& map, perf_options const& options, std::error_code& ec,
                                  std::string* why) {
    perf_reader reader;
    if (options.bytes_per_cpu == 0 || options.wakeup_events == 0 || options.bytes_per_cpu > max_bytes) {
      ec = make_error(EINVAL);
      if (why != nullptr) *why = "bytes_per_cpu must be 1 to 2^30, and wakeup_events at least 1";
      return reader;
    }
    // Entries live as long as the open file that they were made through: this duplicate keeps it open.
    reader.map_ = unique_fd::duplicate(map.fd(), ec);
    reader.options_ = options;
    reader.entries_ = map.max_size();
    if (!ec) reader.open_rings(ec);
    if (!ec) return reader;
    if (why != nullptr) *why = open_hint(ec.value());
    return {};
  }

  static std::string open_hint(int number) {
    switch (number) {
      case EACCES:
      case EPERM:
        return "perf buffers need CAP_PERFMON (or root), and room in kernel.perf_event_mlock_kb";
      case EMFILE:
        return "each CPU takes a descriptor: raise RLIMIT_NOFILE";
      case ENOMEM:
        return "not enough memory for bytes_per_cpu on every CPU";
      default:
        return {};
    }
  }

  static constexpr std::size_t max_bytes = std::size_t{1} << 30;

  void open_rings(std::error_code& ec) noexcept {
    cpu_set const online = online_cpus(ec);
    if (ec) return;
    rings_.reset(new (std::nothrow) detail::perf_ring[online.size()]);
    if (rings_ == nullptr) {
      ec = make_error(ENOMEM);
      return;
    }
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_) {
      ec = make_error(errno);
      return;
    }
    for (std::uint32_t const id : online) {
      if (id >= entries_) continue;  // the map's policy accepts that
      auto ring = detail::perf_ring::open(id, options_.bytes_per_cpu, options_.wakeup_events, ec);
      if (ec.value() == ENODEV) {  // it went offline since
        ec.clear();
        continue;
      }
      if (ec) return;
      epoll_event wanted{};
      wanted.events = EPOLLIN;
      wanted.data.u32 = static_cast<std::uint32_t>(ring_count_);
      int const fd = ring.fd();
      int const stored = sys::map_update(map_.get(), &id, &fd, elem_flags::any);
      if (stored < 0) {
        ec = make_error(stored);
        return;
      }
      rings_[ring_count_++] = std::move(ring);
      if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &wanted) != 0) {
        ec = make_error(errno);
        return;
      }
    }
  }

  // Without this, programs would go on writing into rings that nobody reads, and not know it.
  void close() noexcept {
    for (std::size_t i = 0; i < ring_count_; ++i) {
      std::uint32_t const id = rings_[i].cpu();
      static_cast<void>(sys::map_delete(map_.get(), &id));
    }
    rings_.reset();
    ring_count_ = 0;
    epoll_.reset();
    map_.reset();
  }

  void take(perf_reader& other) noexcept {
    map_ = std::move(other.map_);
    epoll_ = std::move(other.epoll_);
    rings_ = std::move(other.rings_);
    ring_count_ = std::exchange(other.ring_count_, 0);
    options_ = other.options_;
    entries_ = other.entries_;
    lost_before_ = other.lost_before_;
    malformed_ = other.malformed_;
    unfinished_ = other.unfinished_;
  }

  void begin_pass() noexcept {
    for (std::size_t i = 0; i < ring_count_; ++i) rings_[i].begin_pass();
  }

  // The next event of ring `ring` in this pass, or none; skips what is no event.
  bool pull(detail::perf_ring& ring, Event& event) noexcept {
    for (;;) {
      switch (ring.next()) {
        case detail::perf_ring::record::none:
          return false;
        case detail::perf_ring::record::sample:
          if constexpr (std::same_as<Event, std::span<std::byte const>>) {
            event = ring.payload();
            return true;
          } else {
            if (ring.payload().size() >= sizeof(Event)) {
              // A copy: records are aligned to 4 bytes only.
              std::memcpy(static_cast<void*>(&event), ring.payload().data(), sizeof(Event));
              return true;
            }
          }
          ++malformed_;
          break;
        case detail::perf_ring::record::malformed:
          ++malformed_;
          break;
        case detail::perf_ring::record::lost:
        case detail::perf_ring::record::other:
          break;
      }
      ring.consume();
    }
  }

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

  static int milliseconds_of(std::chrono::milliseconds time) noexcept {
    using count_type = std::chrono::milliseconds::rep;
    return static_cast<int>(std::clamp<count_type>(time.count(), -1, std::numeric_limits<int>::max()));
  }

  template <class F>
  std::size_t consume_ready(std::span<epoll_event const> ready, F& f, std::error_code& ec) {
    std::size_t seen = 0;
    ec.clear();
    for (epoll_event const& each : ready) rings_[each.data.u32].begin_pass();
    for (epoll_event const& each : ready) {
      std::error_code failed;
      seen += drain(each.data.u32, each.data.u32 + 1, f, failed);
      if (failed) ec = failed;
      if (stopped_) break;
    }
    return seen;
  }

  template <class F>
  std::size_t drain(std::size_t first, std::size_t last, F& f, std::error_code& ec) {
    // Seen is seen, also when `f` leaves by an exception.
    struct consumer {
      detail::perf_ring& ring;
      ~consumer() { ring.consume(); }
    };
    std::uint64_t const malformed = malformed_;
    std::size_t seen = 0;
    stopped_ = false;
    unfinished_ = true;
    for (std::size_t i = first; i < last && !stopped_; ++i) {
      Event event;
      while (!stopped_ && pull(rings_[i], event)) {
        consumer const guard{rings_[i]};
        ++seen;
        stopped_ = !call(f, event, {rings_[i].cpu()});
      }
    }
    unfinished_ = stopped_;
    ec = malformed_ == malformed ? std::error_code{} : make_error(EBADMSG);
    return seen;
  }

  [[noreturn, gnu::cold, gnu::noinline]] void raise(operation what, std::error_code ec) const {
    detail::raise(ec, what, "a perf_reader", {},
                  ec.value() == EBADMSG ? "records were too short for the event type: see malformed()" : "");
  }

  unique_fd map_;
  unique_fd epoll_;
  std::unique_ptr<detail::perf_ring[]> rings_;
  std::size_t ring_count_ = 0;
  perf_options options_;
  std::uint64_t entries_ = 0;
  std::uint64_t lost_before_ = 0;
  std::uint64_t malformed_ = 0;
  bool stopped_ = false;     // the callback did not want more
  bool unfinished_ = false;  // it left records that have had their wake-up
};

template <stream_event Event>
class perf_reader<Event>::available_range : public std::ranges::view_base {
 public:
  explicit available_range(perf_reader& reader) noexcept : reader_(&reader) {}

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = Event;
    using difference_type = std::ptrdiff_t;

    explicit iterator(perf_reader& reader) noexcept : reader_(&reader) { settle(); }
    iterator(iterator&&) noexcept = default;
    iterator& operator=(iterator&&) noexcept = default;

    [[nodiscard]] Event const& operator*() const noexcept { return event_; }
    /// The CPU that the event comes from.
    [[nodiscard]] cpu where() const noexcept { return {reader_->rings_[ring_].cpu()}; }
    iterator& operator++() noexcept {
      reader_->rings_[ring_].consume();
      settle();
      return *this;
    }
    void operator++(int) noexcept { ++*this; }
    [[nodiscard]] friend bool operator==(iterator const& it, std::default_sentinel_t) noexcept { return it.done(); }

   private:
    [[nodiscard]] bool done() const noexcept { return ring_ >= reader_->ring_count_; }
    void settle() noexcept {
      while (ring_ < reader_->ring_count_ && !reader_->pull(reader_->rings_[ring_], event_)) ++ring_;
    }

    perf_reader* reader_;
    std::size_t ring_ = 0;
    Event event_{};
  };

  [[nodiscard]] iterator begin() const noexcept { return iterator(*reader_); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  perf_reader* reader_;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
