// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_KEYED_MAP_HPP
#define BPFMAP_ENGINE_KEYED_MAP_HPP

// Everything that maps with keys do, once for all of them. What a type cannot do is a row of the traits table,
// and the member then says so in a sentence instead of compiling.

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/engine/count.hpp>
#include <bpfmap/engine/element_concepts.hpp>
#include <bpfmap/engine/map_handle.hpp>
#include <bpfmap/engine/per_cpu.hpp>
#include <bpfmap/engine/walk.hpp>
#include <bpfmap/engine/walk_range.hpp>
#include <bpfmap/kernel/value_btf.hpp>

namespace bpfmap::inline BPFMAP_ABI {

namespace detail {

/// Maps with keys: `Values` says how their bytes are seen.
template <class Derived, map_type Type, class Key, class Values>
class keyed_map : public typed_map<Derived, Type> {
 public:
  using key_type = Key;
  /// What a lookup gives; reduced over all CPUs for per-CPU types.
  using mapped_type = typename Values::mapped_type;
  /// What the functions that write take: mapped_type, unless the kernel gives back something else.
  using argument_type = typename argument_of<Values>::type;
  using value_type = std::pair<key_type, mapped_type>;
  using size_type = std::uint64_t;

  /// The value of `key`, copied; nothing if there is none. BPF_MAP_LOOKUP_ELEM.
  /// @errors EPERM the descriptor is write-only; EBADF
  /// @cost one system call, no allocation (per-CPU types: one, the first time in a thread)
  /// @concurrency a value of more than 8 bytes may be seen half written, unless `locked`
  /// @code
  /// if (std::optional<flow_stats> found = flows.find(key)) …
  /// @endcode
  [[nodiscard]] std::optional<mapped_type> find(key_type const& key, std::error_code& ec) const
      noexcept(Values::nothrow)
    requires readable_values<Type, Values>
  {
    int result = 0;
    auto found = look_up(key, elem_flags::any, result);
    this->judge(result, absent, ec);
    return found;
  }
  [[nodiscard]] std::optional<mapped_type> find(key_type const& key) const
    requires readable_values<Type, Values> && throwing<>
  {
    int result = 0;
    auto found = look_up(key, elem_flags::any, result);
    this->judge(result, absent, operation::find);
    return found;
  }
  [[nodiscard]] std::optional<mapped_type> find(key_type const& key, locked_t, std::error_code& ec) const
      noexcept(Values::nothrow)
    requires readable_values<Type, Values> && lockable<Type, mapped_type>
  {
    int result = 0;
    auto found = look_up(key, elem_flags::lock, result);
    this->judge(result, absent, ec);
    return found;
  }
  [[nodiscard]] std::optional<mapped_type> find(key_type const& key, locked_t) const
    requires readable_values<Type, Values> && lockable<Type, mapped_type> && throwing<>
  {
    int result = 0;
    auto found = look_up(key, elem_flags::lock, result);
    this->judge(result, absent, operation::find);
    return found;
  }

  /// The value of `key`. BPF_MAP_LOOKUP_ELEM.
  /// @throws std::out_of_range if there is none; with an error code, ENOENT and a value-initialised result
  /// @errors, @cost, @concurrency as find()
  [[nodiscard]] mapped_type at(key_type const& key) const
    requires readable_values<Type, Values> && throwing<>
  {
    int result = 0;
    auto found = look_up(key, elem_flags::any, result);
    this->judge(result, absent, operation::at);
    if (!found) raise_absent();
    return *std::move(found);
  }
  [[nodiscard]] mapped_type at(key_type const& key, std::error_code& ec) const noexcept(Values::nothrow)
    requires readable_values<Type, Values> &&
             because<std::default_initializable<mapped_type>,
                     "there is no neutral value to give for what is absent: use find()">
  {
    auto found = find(key, ec);
    if (!found && !ec) ec = make_error(ENOENT);
    return found ? *std::move(found) : mapped_type{};
  }
  [[nodiscard]] mapped_type at(key_type const& key, locked_t, std::error_code& ec) const noexcept(Values::nothrow)
    requires readable_values<Type, Values> && lockable<Type, mapped_type>
  {
    auto found = find(key, locked, ec);
    if (!found && !ec) ec = make_error(ENOENT);
    return found ? *std::move(found) : mapped_type{};
  }
  [[nodiscard]] mapped_type at(key_type const& key, locked_t) const
    requires readable_values<Type, Values> && lockable<Type, mapped_type> && throwing<>
  {
    int result = 0;
    auto found = look_up(key, elem_flags::lock, result);
    this->judge(result, absent, operation::at);
    if (!found) raise_absent();
    return *std::move(found);
  }

  /// Whether `key` has a value. BPF_MAP_LOOKUP_ELEM: the kernel has no cheaper question, so the value is copied.
  /// @errors, @cost as find()
  [[nodiscard]] bool contains(key_type const& key, std::error_code& ec) const noexcept
    requires readable_values<Type, Values>
  {
    return this->judge(probe(key), absent, ec);
  }
  [[nodiscard]] bool contains(key_type const& key) const
    requires readable_values<Type, Values> && throwing<>
  {
    return this->judge(probe(key), absent, operation::contains);
  }

  /// Adds `key` with `value` unless it is there. BPF_MAP_UPDATE_ELEM with BPF_NOEXIST.
  /// @return true: added; false: it was there, and is as it was
  /// @errors E2BIG the map is full (LRU maps drop another element instead); EPERM frozen or read-only; ENOMEM;
  ///         ERANGE no per-CPU slots reduce to `value`; of kernel objects, EBADF, EINVAL and others that the class
  ///         names
  /// @cost one system call, no allocation
  /// @concurrency atomic: of several that insert one key, one gets true
  bool insert(key_type const& key, argument_type const& value, std::error_code& ec) const
      noexcept(Values::nothrow_write)
    requires insertable<Type> && writable_values<Values>
  {
    return this->judge(write(key, value, elem_flags::noexist), EEXIST, ec);
  }
  bool insert(key_type const& key, argument_type const& value) const
    requires insertable<Type> && writable_values<Values> && throwing<>
  {
    return this->judge(write(key, value, elem_flags::noexist), EEXIST, operation::insert);
  }
  bool insert(key_type const& key, argument_type const& value, locked_t, std::error_code& ec) const noexcept
    requires insertable<Type> && lockable<Type, mapped_type>
  {
    return this->judge(write(key, value, elem_flags::noexist | elem_flags::lock), EEXIST, ec);
  }
  bool insert(key_type const& key, argument_type const& value, locked_t) const
    requires insertable<Type> && lockable<Type, mapped_type> && throwing<>
  {
    return this->judge(write(key, value, elem_flags::noexist | elem_flags::lock), EEXIST, operation::insert);
  }

  /// Replaces the value of `key` if it is there. BPF_MAP_UPDATE_ELEM with BPF_EXIST.
  /// @return true: replaced; false: it was not there (of an array: the index is out of range)
  /// @errors, @cost as insert()
  bool assign(key_type const& key, argument_type const& value, std::error_code& ec) const
      noexcept(Values::nothrow_write)
    requires replaceable<Type> && writable_values<Values>
  {
    return this->judge(replace(key, value, elem_flags::exist), not_present, ec);
  }
  bool assign(key_type const& key, argument_type const& value) const
    requires replaceable<Type> && writable_values<Values> && throwing<>
  {
    return this->judge(replace(key, value, elem_flags::exist), not_present, operation::assign);
  }
  bool assign(key_type const& key, argument_type const& value, locked_t, std::error_code& ec) const noexcept
    requires replaceable<Type> && lockable<Type, mapped_type>
  {
    return this->judge(replace(key, value, elem_flags::exist | elem_flags::lock), not_present, ec);
  }
  bool assign(key_type const& key, argument_type const& value, locked_t) const
    requires replaceable<Type> && lockable<Type, mapped_type> && throwing<>
  {
    return this->judge(replace(key, value, elem_flags::exist | elem_flags::lock), not_present, operation::assign);
  }

  /// Sets the value of `key`, whether it is there or not. BPF_MAP_UPDATE_ELEM with BPF_ANY. (The kernel does
  /// not say which it was.)
  /// @errors, @cost as insert(); of an array, E2BIG: the index is out of range
  /// @concurrency another thread's value may replace it at once; of a per-CPU map, increments that programs
  ///              make meanwhile are lost
  void insert_or_assign(key_type const& key, argument_type const& value, std::error_code& ec) const
      noexcept(Values::nothrow_write)
    requires assignable<Type> && writable_values<Values>
  {
    this->judge(write(key, value, elem_flags::any), 0, ec);
  }
  void insert_or_assign(key_type const& key, argument_type const& value) const
    requires assignable<Type> && writable_values<Values> && throwing<>
  {
    this->judge(write(key, value, elem_flags::any), 0, operation::insert_or_assign);
  }
  void insert_or_assign(key_type const& key, argument_type const& value, locked_t, std::error_code& ec) const noexcept
    requires assignable<Type> && lockable<Type, mapped_type>
  {
    this->judge(write(key, value, elem_flags::lock), 0, ec);
  }
  void insert_or_assign(key_type const& key, argument_type const& value, locked_t) const
    requires assignable<Type> && lockable<Type, mapped_type> && throwing<>
  {
    this->judge(write(key, value, elem_flags::lock), 0, operation::insert_or_assign);
  }

  /// Removes `key`. BPF_MAP_DELETE_ELEM.
  /// @return true: removed; false: it was not there, or is an index out of range
  /// @errors EPERM frozen or read-only
  /// @cost one system call (devmap and cpumap: two)
  bool erase(key_type const& key, std::error_code& ec) const noexcept
    requires erasable<Type>
  {
    return this->judge(remove(key), ENOENT, ec);
  }
  bool erase(key_type const& key) const
    requires erasable<Type> && throwing<>
  {
    return this->judge(remove(key), ENOENT, operation::erase);
  }

  /// Takes the value of `key` out, in one step. BPF_MAP_LOOKUP_AND_DELETE_ELEM, for the hash family since 5.14.
  ///
  /// If making the value throws (a reducer of one's own, or one that allocates), the element goes back into the map,
  /// all slots as they were, unless somebody has added the key anew in between.
  /// @errors 524 the kernel is older; EPERM frozen or read-only
  /// @cost one system call
  [[nodiscard]] std::optional<mapped_type> extract(key_type const& key, std::error_code& ec) const
      noexcept(Values::nothrow)
    requires extractable<Type>
  {
    int result = 0;
    auto found = take_out(key, result);
    this->judge(result, absent, ec);
    return found;
  }
  [[nodiscard]] std::optional<mapped_type> extract(key_type const& key) const
    requires extractable<Type> && throwing<>
  {
    int result = 0;
    auto found = take_out(key, result);
    this->judge(result, absent, operation::extract);
    return found;
  }

  /// All elements, keys or values, as input ranges; each begin() is a new walk. BPF_MAP_LOOKUP_BATCH (hash
  /// family and arrays Linux 5.6, per-CPU arrays 5.13), by keys where the kernel has none.
  ///
  /// An element of the hash family that is in the map throughout is seen exactly once, whatever else happens to
  /// the map; one that comes or goes meanwhile is seen or not. (By keys, only if nothing is deleted.)
  /// Elements may be erased and added while walking. Slots that hold nothing are left out.
  /// @errors EPERM the descriptor is write-only; ENOMEM; by keys ELOOP: the map changed too much for an end
  /// @cost one system call for up to 4096 elements; two allocations a walk, and buffers that the thread keeps
  /// @code
  /// for (auto const& [key, value] : flows) …
  /// std::error_code ec;
  /// for (std::uint32_t pid : pids.keys(ec)) …
  /// if (ec) …  // the walk ended early
  /// @endcode
  [[nodiscard]] auto entries(std::error_code& ec) const& noexcept
    requires iterable<Type> && readable_values<Type, Values>
  {
    return range<part::entry>(&ec);
  }
  [[nodiscard]] auto entries() const&
    requires iterable<Type> && readable_values<Type, Values> && throwing<>
  {
    return range<part::entry>(nullptr);
  }
  [[nodiscard]] auto keys(std::error_code& ec) const& noexcept
    requires enumerable<Type, Values>
  {
    return range<part::key>(&ec);
  }
  [[nodiscard]] auto keys() const&
    requires enumerable<Type, Values> && throwing<>
  {
    return range<part::key>(nullptr);
  }
  [[nodiscard]] auto values(std::error_code& ec) const& noexcept
    requires iterable<Type> && readable_values<Type, Values>
  {
    return range<part::value>(&ec);
  }
  [[nodiscard]] auto values() const&
    requires iterable<Type> && readable_values<Type, Values> && throwing<>
  {
    return range<part::value>(nullptr);
  }
  [[nodiscard]] auto begin() const&
    requires iterable<Type> && readable_values<Type, Values> && throwing<>
  {
    return range<part::entry>(nullptr).begin();
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }
  template <class... A>
  void entries(A&&...) const&&
    requires iterable<Type> && readable_values<Type, Values> && view_arguments<A...>
  {
    detail::refuse_temporary<A...>();
  }
  template <class... A>
  void keys(A&&...) const&&
    requires enumerable<Type, Values> && view_arguments<A...>
  {
    detail::refuse_temporary<A...>();
  }
  template <class... A>
  void values(A&&...) const&&
    requires iterable<Type> && readable_values<Type, Values> && view_arguments<A...>
  {
    detail::refuse_temporary<A...>();
  }
  template <class... A>
  void begin(A&&...) const&&
    requires iterable<Type> && readable_values<Type, Values> && (sizeof...(A) == 0)
  {
    detail::refuse_temporary<A...>();
  }

  /// Calls `f(key, value)` for all elements; if `f` returns bool, false stops. The walk of entries().
  /// @return for how many it was called
  /// @errors as entries()
  /// @cost one system call for up to 4096 elements; no allocation but buffers that the thread keeps
  template <visitor<key_type, mapped_type> F>
    requires iterable<Type> && readable_values<Type, Values>
  size_type for_each(F&& f, std::error_code& ec) const
      noexcept(Values::nothrow&& std::is_nothrow_invocable_v<F, key_type const&, mapped_type const&>) {
    block_walker elements(shape());
    return visit(elements, f, ec);
  }
  template <visitor<key_type, mapped_type> F>
    requires iterable<Type> && readable_values<Type, Values> && throwing<>
  size_type for_each(F&& f) const {
    std::error_code ec;
    size_type const seen = for_each(std::forward<F>(f), ec);
    if (ec) raise_walk(operation::for_each, ec);
    return seen;
  }

  /// How many elements there are. Exact while nobody writes; approximate otherwise, never negative.
  ///
  /// Chosen when it runs, and kept: a constant for arrays; the kernel's counter for the hash family (Linux 6.6,
  /// CAP_BPF when it is set up); else by walking. A small map is walked until the counter is worth its set-up.
  /// @errors as entries()
  /// @cost arrays: nothing; by the counter: one system call, 1 µs whatever the size
  [[nodiscard]] size_type size(std::error_code& ec) const noexcept
    requires countable<Type>
  {
    if (this->fd() < 0) {
      ec = make_error(EBADF);
      return 0;
    }
    return counter_.count(shape(true), ec);
  }
  [[nodiscard]] size_type size() const
    requires countable<Type> && throwing<>
  {
    std::error_code ec;
    size_type const count = size(ec);
    if (ec) this->fail(operation::size, -ec.value());
    return count;
  }
  /// The method that the last size() used; counting::none before the first.
  [[nodiscard]] counting counted_by() const noexcept
    requires countable<Type>
  {
    return counter_.used();
  }

  /// Whether there is no element: BPF_MAP_GET_NEXT_KEY, or the counter where it is set up.
  /// @cost one system call
  [[nodiscard]] bool empty(std::error_code& ec) const noexcept
    requires countable<Type> && iterable<Type>
  {
    if (lists_empty_slots || counter_.is_cheap()) return size(ec) == 0;
    key_type first;
    int const result = sys::map_next_key(this->fd(), nullptr, std::addressof(first));
    ec = result < 0 && result != -ENOENT ? make_error(result) : std::error_code{};
    return result == -ENOENT;
  }
  [[nodiscard]] bool empty() const
    requires countable<Type> && iterable<Type> && throwing<>
  {
    std::error_code ec;
    bool const none = empty(ec);
    if (ec) this->fail(operation::empty, -ec.value());
    return none;
  }

  // Near misses: these belong to other types. They never compile, and say why.
  template <class... A>
  bool push(A&&...) const
    requires keyless<Type>;
  template <class... A>
  bool pop(A&&...) const
    requires keyless<Type>;
  template <class... A>
  bool peek(A&&...) const
    requires keyless<Type>;
  template <class... A>
  void span(A&&...) const
    requires mappable<Type>;
  template <class... A>
  void totals(A&&...) const
    requires totalled<Type>;
  template <class... A>
  void reduce_all(A&&...) const
    requires totalled<Type>;
  template <std::same_as<cpu> Which, class... A>
  void find(key_type const&, Which, A&&...) const
    requires reached_by_cpu<Type>;
  template <std::same_as<cpu> Which, class... A>
  void at(key_type const&, Which, A&&...) const
    requires reached_by_cpu<Type>;

 protected:
  static map_expectation expectation() noexcept {
    return {.type = Type,
            .key_size = sizeof(key_type),
            .value_size = sizeof(typename Values::slot_type),
            .flags = traits_of(Type).flags_required};
  }

  // Types that the kernel does not create without BTF, and values with a bpf_spin_lock: without, the kernel sees no
  // lock, and neither BPF_F_LOCK nor programs can take it.
  static unique_fd describe(create_options& options, std::error_code& ec, std::string* why) {
    using value = typename Values::slot_type;
    constexpr bool locks =
        traits_of(Type).spin_lock && holds_spin_lock<value>() && traits_of(Type).key != key_kind::cgroup;
    if constexpr (locks || belongs_to_an_object) {
      if (options.btf_fd != 0) return {};
      constexpr bool is_int = indexed || belongs_to_an_object;
      value_btf made = value_btf::load(
          {.bytes = sizeof(value), .lock = lock_offset<value>(), .key_bytes = sizeof(key_type), .key_is_int = is_int},
          ec);
      if (ec) {
        if (why != nullptr) *why = "loading BTF for its value failed: that needs CAP_BPF";
        return {};
      }
      options.btf_fd = static_cast<std::uint32_t>(made.fd.get());
      options.btf_key_type_id = made.key_id;
      options.btf_value_type_id = made.value_id;
      return std::move(made.fd);
    } else {
      return {};
    }
  }

  // Per-CPU values have as many slots as there are possible CPUs: known once, before any buffer is sized.
  void open(std::error_code& ec, std::string* why) {
    if constexpr (Values::per_cpu) {
      cpus_ = &possible_cpus(ec);
      if (ec && why != nullptr) {
        *why = "the possible CPUs, which size every buffer of a per-CPU map, cannot be read: is sysfs mounted at /sys?";
      }
    }
  }

  // Runs `use` with room for the slots of one element.
  template <class Use>
  int with_slots(Use const& use) const {
    if (cpus_ == nullptr) return -EBADF;
    scratch const slots(Values::element_bytes(cpus_->size()));
    return slots.data() == nullptr ? -ENOMEM : use(slots.data());
  }

  [[nodiscard]] walk_shape shape(bool keys_only = !Values::readable) const noexcept {
    return {.fd = this->fd(),
            .type = Type,
            .key_size = sizeof(key_type),
            .element_bytes = Values::element_bytes(cpus_ == nullptr ? 0 : cpus_->size()),
            .max_entries = this->info().max_entries,
            .keys_only = keys_only,
            .reduced = reduced()};
  }
  template <class Walker>
  [[nodiscard]] key_type key_at(Walker const& elements, std::uint32_t i) const noexcept {
    key_type key;
    std::memcpy(static_cast<void*>(std::addressof(key)), elements.key(i), sizeof key);
    // The kernel keeps the bits behind a prefix as another program wrote them, and never looks at them.
    if constexpr (traits_of(Type).key == key_kind::prefix) key = key.normalized();
    return key;
  }
  template <class Walker>
  [[nodiscard]] mapped_type value_at(Walker const& elements, std::uint32_t i) const noexcept(Values::nothrow) {
    if constexpr (!Values::per_cpu) {
      return Values::decode(elements.value(i));
    } else {
      if constexpr (Values::reducible_in_kernel) {
        if (elements.reduced()) return plain_values<mapped_type>::decode(elements.value(i));
      }
      return Values::decode(elements.value(i), *cpus_);
    }
  }
  // for_each(), on this walk.
  template <class Walker, class F>
  size_type visit(Walker& elements, F& f, std::error_code& ec) const
      noexcept(Values::nothrow&& std::is_nothrow_invocable_v<F&, key_type const&, mapped_type const&>) {
    size_type seen = 0;
    while (std::uint32_t const block = elements.next(ec)) {
      for (std::uint32_t i = 0; i < block; ++i) {
        ++seen;
        if constexpr (std::is_same_v<std::invoke_result_t<F&, key_type const&, mapped_type const&>, bool>) {
          if (!std::invoke(f, key_at(elements, i), value_at(elements, i))) return seen;
        } else {
          std::invoke(f, key_at(elements, i), value_at(elements, i));
        }
      }
    }
    return seen;
  }
  [[noreturn, gnu::cold, gnu::noinline]] void raise_walk(operation what, std::error_code ec) const {
    this->fail(what, -ec.value());
  }
  // The possible CPUs, of a per-CPU type that is open.
  [[nodiscard]] cpu_set const* cpus() const noexcept { return cpus_; }

  [[noreturn, gnu::cold, gnu::noinline]] void raise_absent() const {
#if BPFMAP_EXCEPTIONS
    throw std::out_of_range(detail::join("at on ", this->description(), ": no such key"));
#else
    __builtin_unreachable();
#endif
  }

 private:
  friend typed_map<Derived, Type>;
  template <class, part, class>
  friend class walk_range;

  static constexpr int absent = traits_of(Type).errnos.absent;
  static constexpr int not_present = traits_of(Type).errnos.exist_on_absent;
  static constexpr bool indexed = traits_of(Type).key == key_kind::index;
  // The elements of local storages lie with sockets, files, tasks and cgroups.
  static constexpr bool belongs_to_an_object =
      traits_of(Type).key == key_kind::fd && traits_of(Type).value == value_kind::bytes;
  static constexpr int storage_tries = 64;
  // BPF_MAP_GET_NEXT_KEY gives every index, whether it holds something or not.
  static constexpr bool lists_empty_slots = indexed && traits_of(Type).count != counting::constant;

#if defined(__GNUC__) && !defined(__clang__)
// GCC takes the storage of an optional that was reset() for uninitialised when a caller copies it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
  // Lets `read` fill the bytes of one element, and makes a value of them if its result is 0.
  template <class Read>
  [[nodiscard, gnu::always_inline]] std::optional<mapped_type> fetch(Read const& read, int& result) const
      noexcept(Values::nothrow) {
    std::optional<mapped_type> found;
    if constexpr (!Values::per_cpu) {
      // Straight into what is returned: nothing is copied twice.
      result = read(static_cast<void*>(std::addressof(found.emplace())));
      if (result != 0) found.reset();
    } else {
      result = with_slots([&](std::byte* slots) {
        int const failed = read(static_cast<void*>(slots));
        if (failed == 0) found.emplace(Values::decode(slots, *cpus_));
        return failed;
      });
    }
    return found;
  }
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

  [[nodiscard]] std::optional<mapped_type> look_up(key_type const& key, std::uint64_t flags, int& result) const
      noexcept(Values::nothrow) {
    return fetch(
        [&](void* to) {
          return flags == elem_flags::any ? sys::map_lookup(this->fd(), std::addressof(key), to)
                                          : sys::map_lookup(this->fd(), std::addressof(key), to, flags);
        },
        result);
  }

  [[nodiscard]] std::optional<mapped_type> take_out(key_type const& key, int& result) const noexcept(Values::nothrow) {
    auto const take = [&](void* to) { return sys::map_extract(this->fd(), std::addressof(key), to); };
    if constexpr (Values::nothrow) {
      return fetch(take, result);
    } else {
      std::optional<mapped_type> found;
      walk_shape const taking = shape(false);
      result = with_slots([&](std::byte* slots) {
        int const failed = take(slots);
        if (failed != 0) return failed;
        taken_elements taken(taking, reinterpret_cast<std::byte const*>(std::addressof(key)), slots, 1);
        found.emplace(Values::decode(slots, *cpus_));
        taken.gave();
        return 0;
      });
      return found;
    }
  }

  // For an index out of range the kernel has another errno in every type. It is a key that is not there.
  [[nodiscard]] int as_absent(key_type const& key, int result, int absent_errno) const noexcept {
    if constexpr (indexed) {
      if ((result == -E2BIG || result == -EINVAL) && key >= this->info().max_entries) return -absent_errno;
    }
    return result;
  }

  [[nodiscard]] int replace(key_type const& key, argument_type const& value, std::uint64_t flags) const
      noexcept(Values::nothrow_write) {
    return as_absent(key, write(key, value, flags), not_present);
  }

  // Gives -ENOENT for what was not there, whatever the kernel's word for it.
  [[nodiscard]] int remove(key_type const& key) const noexcept {
    constexpr int not_erased = traits_of(Type).errnos.erase_absent;
    if constexpr (not_erased == 0 && static_cast<bool>(traits_of(Type).commands.lookup)) {
      // The kernel would say that it erased what was not there.
      if (int const result = probe(key); result != 0) return result == -absent ? -ENOENT : result;
    }
    int const result = as_absent(key, sys::map_delete(this->fd(), std::addressof(key)), ENOENT);
    return not_erased != 0 && result == -not_erased ? -ENOENT : result;
  }

  // A lookup whose value nobody wants.
  [[nodiscard]] int probe(key_type const& key) const noexcept {
    if constexpr (!Values::per_cpu) {
      mapped_type unused;
      return sys::map_lookup(this->fd(), std::addressof(key), std::addressof(unused));
    } else {
      return with_slots([&](std::byte* slots) { return sys::map_lookup(this->fd(), std::addressof(key), slots); });
    }
  }

  [[nodiscard]] int write(key_type const& key, argument_type const& value, std::uint64_t flags) const
      noexcept(Values::nothrow_write) {
    if constexpr (requires { typename Values::argument_type; }) {
      typename Values::slot_type raw{};
      if (int const failed = Values::encode(value, raw); failed != 0) return failed;
      return sys::map_update(this->fd(), std::addressof(key), std::addressof(raw), flags);
    } else if constexpr (belongs_to_an_object) {
      // EAGAIN: the object's last element, perhaps of another map that is being freed, goes at this moment
      // (kernel/bpf/bpf_local_storage.c, bpf_local_storage_update). The next try finds the object without any.
      int result = -EAGAIN;
      for (int tries = 0; result == -EAGAIN && tries < storage_tries; ++tries) {
        result = sys::map_update(this->fd(), std::addressof(key), std::addressof(value), flags);
      }
      return result;
    } else if constexpr (!Values::per_cpu) {
      return sys::map_update(this->fd(), std::addressof(key), std::addressof(value), flags);
    } else {
      return with_slots([&](std::byte* slots) {
        if (!Values::encode(value, slots, *cpus_)) return -ERANGE;
        return sys::map_update(this->fd(), std::addressof(key), slots, flags);
      });
    }
  }

  // What a range asks of the map: to begin a walk, and to look at how it goes.
  template <class Walker>
  [[nodiscard]] Walker walker(part, walk) const noexcept {
    return Walker(shape());
  }
  void noted(block_walker const&) const noexcept {}

  // What the class may have that gives reduced values without their slots.
  [[nodiscard]] reduced_source reduced() const noexcept {
    if constexpr (requires(Derived const& self) { self.reduced_values_of_walks(); })
      return static_cast<Derived const&>(*this).reduced_values_of_walks();
    else
      return {};
  }
  template <part Shown>
  [[nodiscard]] auto range(std::error_code* ec) const noexcept {
    return walk_range<keyed_map, Shown>(*this, ec);
  }

  struct no_counter {};

  cpu_set const* cpus_ = nullptr;  // per-CPU types: the possible CPUs, which never change
  [[no_unique_address]] std::conditional_t<countable<Type>, element_counter, no_counter> counter_;
};

}  // namespace detail

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
