// SPDX-License-Identifier: MIT
#ifndef BPFMAP_MAPS_STRIPED_ARRAY_HPP
#define BPFMAP_MAPS_STRIPED_ARRAY_HPP

// Counters of all CPUs that user space reads without a system call.

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/reduce.hpp>
#include <bpfmap/core/stripes.hpp>
#include <bpfmap/engine/element_concepts.hpp>
#include <bpfmap/engine/map_handle.hpp>
#include <bpfmap/engine/percpu_map.hpp>
#include <bpfmap/engine/striped_slots.hpp>

namespace bpfmap::inline BPFMAP_ABI {

namespace detail {

/// Never holds: for what a striped array does not have.
template <class...>
concept one_value_an_index =
    because<false,
            "an index of a striped array has a slot in the stripe of each CPU, not one place in memory: read it "
            "by find(), at() or totals(), and the slot of one CPU by find(index, cpu)">;

}  // namespace detail

/// A percpu_array in shared memory: BPF_MAP_TYPE_ARRAY with BPF_F_MMAPABLE, Linux 5.5, with a stripe of slots for each
/// CPU. Programs declare it by BPFMAP_STRIPED_ARRAY of bpfmap.bpf.h and write it by bpfmap_add() and its kin, at the
/// price of a percpu_array, and half a nanosecond; reading it here is reading memory. Every element is a reduced value
/// over all possible CPUs, as in percpu_array.
///
/// The kernel knows nothing of stripes: it holds an element for each CPU id up to the highest possible one and each
/// index, padded so that no two CPUs write to one cache line. That is what info() tells and other tools see. To bind
/// one, type, sizes, flags and that number of elements are checked; a plain mapped array that has by chance as many
/// elements cannot be told from it. Where a map is frozen or for reading only, writing is EPERM.
/// @code
/// auto drops = bpfmap::striped_array<drop_counters>::bind(skeleton->maps.drops);
/// std::vector<drop_counters> now(drops.size());
/// drops.totals(now);  // every index, no system call
/// @endcode
template <per_cpu_slot Slot, class Reducer = reduce::sum>
  requires reducer<Reducer, Slot>
class striped_array : public typed_map<striped_array<Slot, Reducer>, map_type::array> {
  using base = typed_map<striped_array<Slot, Reducer>, map_type::array>;
  using values_policy = detail::reduced_values<Slot, Reducer>;
  static constexpr map_type kernel_type = map_type::array;
  static constexpr bool nothrow = values_policy::nothrow;

 public:
  using key_type = std::uint32_t;
  /// The reduced value.
  using mapped_type = typename values_policy::mapped_type;
  /// What a BPF program sees as the value.
  using slot_type = Slot;
  using reducer_type = Reducer;
  using value_type = std::pair<key_type, mapped_type>;
  using size_type = std::uint64_t;

  /// The slots of all CPUs reduced to one value; nothing if `index` is out of range.
  /// @errors EBADF the object is empty; ENOMEM
  /// @cost no system call; no allocation, or, for reducers that do not accumulate(), the first in a thread
  /// @concurrency not a snapshot: programs count on; a number of up to 8 bytes is never seen half written
  [[nodiscard]] std::optional<mapped_type> find(key_type index, std::error_code& ec) const noexcept(nothrow) {
    int failed = 0;
    auto found = look_up(index, failed);
    ec = make_error(failed);
    return found;
  }
  [[nodiscard]] std::optional<mapped_type> find(key_type index) const
    requires throwing<>
  {
    return read(index, operation::find);
  }
  /// @throws std::out_of_range if there is none; with an error code, ENOENT and a value-initialised result
  [[nodiscard]] mapped_type at(key_type index) const
    requires throwing<>
  {
    auto found = read(index, operation::at);
    if (!found) raise_absent();
    return *std::move(found);
  }
  [[nodiscard]] mapped_type at(key_type index, std::error_code& ec) const noexcept(nothrow)
    requires because<std::default_initializable<mapped_type>,
                     "there is no neutral value to give for what is absent: use find()">
  {
    auto found = find(index, ec);
    if (!found && !ec) ec = make_error(ENOENT);
    return found ? *std::move(found) : mapped_type{};
  }
  /// Whether `index` is in range.
  [[nodiscard]] bool contains(key_type index, std::error_code& ec) const noexcept {
    ec = make_error(usable());
    return index < slots_.size();
  }
  [[nodiscard]] bool contains(key_type index) const
    requires throwing<>
  {
    check(operation::contains, usable());
    return index < slots_.size();
  }

  /// The slot of one CPU, not reduced.
  /// @param which  a possible CPU; it may be offline
  /// @errors ENODEV this machine has no such CPU; EBADF
  /// @cost no system call
  [[nodiscard]] std::optional<Slot> find(key_type index, cpu which, std::error_code& ec) const noexcept {
    int const failed = usable(which);
    ec = make_error(failed);
    return failed != 0 || index >= slots_.size() ? std::nullopt : std::optional<Slot>(slots_.load(index, which));
  }
  [[nodiscard]] std::optional<Slot> find(key_type index, cpu which) const
    requires throwing<>
  {
    check(operation::find, usable(which));
    return index >= slots_.size() ? std::nullopt : std::optional<Slot>(slots_.load(index, which));
  }
  [[nodiscard]] Slot at(key_type index, cpu which, std::error_code& ec) const noexcept {
    auto const found = find(index, which, ec);
    if (!found && !ec) ec = make_error(ENOENT);
    return found.value_or(Slot{});
  }
  [[nodiscard]] Slot at(key_type index, cpu which) const
    requires throwing<>
  {
    check(operation::at, usable(which));
    if (index >= slots_.size()) raise_absent();
    return slots_.load(index, which);
  }

  /// The values of all indices from 0 on, as many as `out` has room for: sums of integers by vector instructions, at
  /// the speed of memory.
  /// @return how many were written
  /// @errors, @concurrency as find()
  /// @cost no system call; no allocation, or, for reducers that do not accumulate(), one
  size_type totals(std::span<mapped_type> out, std::error_code& ec) const noexcept(nothrow) {
    detail::buffer room;
    ec = make_error(prepare(room));
    return ec ? 0 : fill(out, room);
  }
  size_type totals(std::span<mapped_type> out) const
    requires throwing<>
  {
    detail::buffer room;
    check(operation::totals, prepare(room));
    return fill(out, room);
  }
  /// The values of all indices.
  /// @errors, @concurrency as find(); from the vector, std::bad_alloc
  [[nodiscard]] std::vector<mapped_type> reduce_all(std::error_code& ec) const {
    detail::buffer room;
    ec = make_error(prepare(room));
    return ec ? std::vector<mapped_type>{} : all(room);
  }
  [[nodiscard]] std::vector<mapped_type> reduce_all() const
    requires throwing<>
  {
    detail::buffer room;
    check(operation::reduce_all, prepare(room));
    return all(room);
  }

  /// Writes slots that reduce to `value`, by plain stores.
  /// @return false: `index` is out of range
  /// @errors EPERM the map is frozen or for reading only; ERANGE no slots reduce to `value`; EBADF; ENOMEM
  /// @cost no system call
  /// @concurrency slot after slot: others may see some of them, and what programs add meanwhile may be lost
  bool assign(key_type index, mapped_type const& value, std::error_code& ec) const
      noexcept(values_policy::nothrow_write)
    requires detail::writable_values<values_policy>
  {
    int const failed = write(index, value);
    ec = make_error(failed == E2BIG ? 0 : failed);
    return failed == 0;
  }
  bool assign(key_type index, mapped_type const& value) const
    requires detail::writable_values<values_policy> && throwing<>
  {
    int const failed = write(index, value);
    check(operation::assign, failed == E2BIG ? 0 : failed);
    return failed == 0;
  }
  /// The same; out of range is E2BIG.
  void insert_or_assign(key_type index, mapped_type const& value, std::error_code& ec) const
      noexcept(values_policy::nothrow_write)
    requires detail::writable_values<values_policy>
  {
    ec = make_error(write(index, value));
  }
  void insert_or_assign(key_type index, mapped_type const& value) const
    requires detail::writable_values<values_policy> && throwing<>
  {
    check(operation::insert_or_assign, write(index, value));
  }
  /// Sets the slot of one CPU, or of all possible ones, whatever the reducer; any kernel that has the map.
  /// @errors E2BIG out of range; ENODEV this machine has no such CPU; EPERM; EBADF
  void insert_or_assign(key_type index, Slot const& slot, cpu which, std::error_code& ec) const noexcept {
    ec = make_error(write_slot(index, slot, which));
  }
  void insert_or_assign(key_type index, Slot const& slot, cpu which) const
    requires throwing<>
  {
    check(operation::insert_or_assign, write_slot(index, slot, which));
  }
  void insert_or_assign(key_type index, Slot const& slot, all_cpus_t, std::error_code& ec) const noexcept {
    ec = make_error(write_slots(index, slot));
  }
  void insert_or_assign(key_type index, Slot const& slot, all_cpus_t) const
    requires throwing<>
  {
    check(operation::insert_or_assign, write_slots(index, slot));
  }

  /// All elements, indices or values, in order, as input ranges.
  /// @errors EBADF the object is empty; ENOMEM
  /// @cost no system call; no allocation, or, for reducers that do not accumulate(), one
  /// @code
  /// for (auto const& [index, count] : drops) …
  /// @endcode
  [[nodiscard]] auto entries(std::error_code& ec) const& noexcept { return range<detail::part::entry>(&ec); }
  [[nodiscard]] auto entries() const&
    requires throwing<>
  {
    return range<detail::part::entry>(nullptr);
  }
  [[nodiscard]] auto keys(std::error_code& ec) const& noexcept { return range<detail::part::key>(&ec); }
  [[nodiscard]] auto keys() const&
    requires throwing<>
  {
    return range<detail::part::key>(nullptr);
  }
  [[nodiscard]] auto values(std::error_code& ec) const& noexcept { return range<detail::part::value>(&ec); }
  [[nodiscard]] auto values() const&
    requires throwing<>
  {
    return range<detail::part::value>(nullptr);
  }
  [[nodiscard]] auto begin() const&
    requires throwing<>
  {
    return range<detail::part::entry>(nullptr).begin();
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }
  template <class... A>
  void entries(A&&...) const&&
    requires detail::view_arguments<A...>
  {
    detail::refuse_temporary<A...>();
  }
  template <class... A>
  void keys(A&&...) const&&
    requires detail::view_arguments<A...>
  {
    detail::refuse_temporary<A...>();
  }
  template <class... A>
  void values(A&&...) const&&
    requires detail::view_arguments<A...>
  {
    detail::refuse_temporary<A...>();
  }
  template <class... A>
  void begin(A&&...) const&&
    requires(sizeof...(A) == 0)
  {
    detail::refuse_temporary<A...>();
  }

  /// Calls `f(index, value)` for all elements; if `f` returns bool, false stops.
  /// @return for how many it was called
  /// @errors, @cost as entries()
  template <detail::visitor<key_type, mapped_type> F>
  size_type for_each(F&& f, std::error_code& ec) const
      noexcept(nothrow&& std::is_nothrow_invocable_v<F, key_type const&, mapped_type const&>) {
    detail::buffer room;
    ec = make_error(prepare(room));
    return ec ? 0 : visit(f, room);
  }
  template <detail::visitor<key_type, mapped_type> F>
    requires throwing<>
  size_type for_each(F&& f) const {
    detail::buffer room;
    check(operation::for_each, prepare(room));
    return visit(f, room);
  }

  /// How many indices there are: what create() or BPFMAP_STRIPED_ARRAY was told. A constant.
  [[nodiscard]] size_type size(std::error_code& ec) const noexcept {
    ec = make_error(usable());
    return slots_.size();
  }
  [[nodiscard]] size_type size() const
    requires throwing<>
  {
    check(operation::size, usable());
    return slots_.size();
  }
  [[nodiscard]] std::uint64_t max_size() const noexcept { return slots_.size(); }
  [[nodiscard]] counting counted_by() const noexcept {
    return slots_.size() == 0 ? counting::none : counting::constant;
  }
  /// False: there is always an element.
  [[nodiscard]] bool empty(std::error_code& ec) const noexcept { return size(ec) == 0; }
  [[nodiscard]] bool empty() const
    requires throwing<>
  {
    return size() == 0;
  }

  /// How a map differs from what this class needs, also in its number of elements; empty if it fits.
  [[nodiscard]] static std::string differences(map_info const& info) {
    std::string list = base::differences(info);
    std::error_code ec;
    int failed = 0;
    if (std::uint32_t const stripes = stripe_count(ec); !ec) {
      static_cast<void>(detail::stripe_layout::of_elements(info.max_entries, sizeof(Slot), stripes, failed));
      if (failed != 0) {
        if (!list.empty()) list.append("; ");
        list.append(detail::stripe_layout::no_such_layout(info.max_entries, stripes));
      }
    }
    return list;
  }

  // Near misses: these belong to other types. They never compile, and say why.
  template <class... A>
  bool insert(key_type, A&&...) const
    requires insertable<kernel_type>;
  template <class... A>
  bool erase(key_type, A&&...) const
    requires erasable<kernel_type>;
  template <class... A>
  bool extract(key_type, A&&...) const
    requires extractable<kernel_type>;
  template <class... A>
  bool push(A&&...) const
    requires keyless<kernel_type>;
  template <class... A>
  bool pop(A&&...) const
    requires keyless<kernel_type>;
  template <class... A>
  bool peek(A&&...) const
    requires keyless<kernel_type>;
  template <class... A>
  void span(A&&...) const
    requires detail::one_value_an_index<A...>;
  template <class I>
  void operator[](I&&) const
    requires detail::one_value_an_index<I>;

 private:
  friend base;
  template <class, detail::part>
  friend class detail::striped_range;

  static detail::map_expectation expectation() noexcept {
    return {
        .type = kernel_type, .key_size = sizeof(key_type), .value_size = sizeof(Slot), .flags = map_flags::mmapable};
  }

  static std::uint32_t stripe_count(std::error_code& ec) noexcept {
    cpu_set const& cpus = possible_cpus(ec);
    return ec ? 0 : cpus.highest() + 1;
  }
  static void explain_cpus(std::string* why) {
    if (why != nullptr)
      *why = "the possible CPUs, each of which has a stripe, cannot be read: is sysfs mounted at /sys?";
  }

  // What the user means by max_entries is indices; to the kernel it is elements.
  static void adjust(create_options& options, std::error_code& ec, std::string* why) {
    std::uint32_t const stripes = stripe_count(ec);
    if (ec) return explain_cpus(why);
    int failed = 0;
    auto const layout = detail::stripe_layout::of_entries(options.max_entries, sizeof(Slot), stripes, failed);
    ec = make_error(failed);
    if (failed == 0)
      options.max_entries = static_cast<std::uint32_t>(layout.elements());
    else if (why != nullptr)
      *why = failed == EINVAL ? "max_entries is 0" : "max_entries, times the CPU ids of this machine, is too large";
  }

  void open(std::error_code& ec, std::string* why) {
    cpu_set const& cpus = possible_cpus(ec);
    if (ec) return explain_cpus(why);
    std::uint32_t const elements = this->info().max_entries;
    int failed = 0;
    auto const layout = detail::stripe_layout::of_elements(elements, sizeof(Slot), cpus.highest() + 1, failed);
    ec = make_error(failed);
    if (failed != 0) {
      if (why != nullptr) *why = detail::stripe_layout::no_such_layout(elements, cpus.highest() + 1);
      return;
    }
    slots_.open(this->fd(), layout, cpus, ec);
    if (ec && why != nullptr) {
      *why = ec.value() == EINVAL ? "mapping needs a descriptor that may read and write, also for reading only"
                                  : "the map's memory cannot be mapped";
    }
  }

  // These give 0 or an errno.
  [[nodiscard]] int usable() const noexcept { return slots_.size() == 0 ? EBADF : 0; }
  [[nodiscard]] int usable(cpu which) const noexcept {
    return slots_.size() == 0 ? EBADF : slots_.has(which) ? 0 : ENODEV;
  }
  [[nodiscard]] int writable(key_type index) const noexcept {
    if (int const failed = usable(); failed != 0) return failed;
    return !slots_.writable() ? EPERM : index >= slots_.size() ? E2BIG : 0;
  }
  [[nodiscard]] int prepare(detail::buffer& room) const noexcept {
    if (std::size_t const bytes = slots_.room(); bytes != 0) {
      room = detail::buffer::allocate(bytes);
      if (room.data() == nullptr) return ENOMEM;
    }
    return usable();
  }
  [[nodiscard]] int write(key_type index, mapped_type const& value) const noexcept(values_policy::nothrow_write) {
    int const failed = writable(index);
    return failed != 0 ? failed : slots_.scatter(index, value);
  }
  [[nodiscard]] int write_slot(key_type index, Slot const& slot, cpu which) const noexcept {
    if (int const failed = usable(which); failed != 0) return failed;
    int const failed = writable(index);
    if (failed == 0) slots_.store(index, which, slot);
    return failed;
  }
  [[nodiscard]] int write_slots(key_type index, Slot const& slot) const noexcept {
    int const failed = writable(index);
    if (failed == 0) slots_.store_all(index, slot);
    return failed;
  }

  [[nodiscard]] std::optional<mapped_type> look_up(key_type index, int& failed) const noexcept(nothrow) {
    failed = usable();
    if (index >= slots_.size()) return std::nullopt;
    detail::scratch const room(slots_.room());
    if (slots_.room() != 0 && room.data() == nullptr) {
      failed = ENOMEM;
      return std::nullopt;
    }
    return slots_.reduce(index, room.data());
  }
  [[nodiscard]] std::optional<mapped_type> read(key_type index, operation what) const {
    int failed = 0;
    auto found = look_up(index, failed);
    check(what, failed);
    return found;
  }

  size_type fill(std::span<mapped_type> out, detail::buffer const& room) const noexcept(nothrow) {
    auto const count = static_cast<std::uint32_t>(std::min<size_type>(out.size(), slots_.size()));
    slots_.totals(out.data(), count, room.data());
    return count;
  }
  [[nodiscard]] std::vector<mapped_type> all(detail::buffer const& room) const {
    std::vector<mapped_type> values;
    if constexpr (std::default_initializable<mapped_type> && !std::is_same_v<mapped_type, bool>) {  // a span of them
      values.resize(slots_.size());
      fill(values, room);
    } else {
      values.reserve(slots_.size());
      for (key_type index = 0; index < slots_.size(); ++index) values.push_back(slots_.reduce(index, room.data()));
    }
    return values;
  }
  template <class F>
  size_type visit(F& f, detail::buffer const& room) const {
    for (key_type index = 0; index < slots_.size(); ++index) {
      mapped_type const value = slots_.reduce(index, room.data());
      if constexpr (std::is_same_v<std::invoke_result_t<F&, key_type const&, mapped_type const&>, bool>) {
        if (!std::invoke(f, std::as_const(index), value)) return index + size_type{1};
      } else {
        std::invoke(f, std::as_const(index), value);
      }
    }
    return slots_.size();
  }
  template <detail::part Shown>
  [[nodiscard]] auto range(std::error_code* ec) const noexcept {
    return detail::striped_range<striped_array, Shown>(*this, ec);
  }

  void check(operation what, int failed) const {
    if (failed != 0) [[unlikely]]
      raise(what, failed);
  }
  [[noreturn, gnu::cold, gnu::noinline]] void raise(operation what, int number) const {
    this->fail(what, make_error(number), this->element_hint(what, number, slots_.size()));
  }
  [[noreturn, gnu::cold, gnu::noinline]] void raise_absent() const {
#if BPFMAP_EXCEPTIONS
    throw std::out_of_range(detail::join("at on ", this->description(), ": no such key"));
#else
    __builtin_unreachable();
#endif
  }

  detail::striped_slots<Slot, Reducer> slots_;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
