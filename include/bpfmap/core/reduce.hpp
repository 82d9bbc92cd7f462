// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_REDUCE_HPP
#define BPFMAP_CORE_REDUCE_HPP

// Reducers: how the slots of all possible CPUs become one value, and back. The law of every map holds for
// per-CPU maps too: after insert_or_assign(k, v), at(k) == v.

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/fields.hpp>
#include <bpfmap/core/numbers.hpp>

namespace bpfmap::inline BPFMAP_ABI {

namespace reduce::detail {

template <class R, class Slot>
concept takes_slots = std::default_initializable<R> && requires(R const& r, per_cpu_view<Slot const> slots) {
  { r(slots) } -> std::movable;
};

/// Of the reducers that see a slot as numbers.
struct of_numbers {};

template <class R, class Slot, flaw Flaw>
constexpr bool is_refused_for() {
  if constexpr (std::is_base_of_v<of_numbers, R> && !takes_slots<R, Slot>)
    return flaw_of<Slot>() == Flaw;
  else
    return false;
}

/// Slots of numbers, for reducers that ask for such.
template <class R, class Slot>
concept made_of_numbers =
    because<!is_refused_for<R, Slot, flaw::text>(),
            "an array of characters is a name, no numbers: say for each member how it reduces, as in "
            "reduce::members<reduce::by<reduce::sum, &T::count>, reduce::by<reduce::any, &T::comm>>, or give "
            "reduce::any or reduce::slots"> &&
    because<!is_refused_for<R, Slot, flaw::bit_fields>(),
            "a struct with bit-fields cannot be taken apart: say how its other members reduce, as in "
            "reduce::members<reduce::by<reduce::sum, &T::count>, reduce::rest<reduce::any>>, or give reduce::merge or "
            "reduce::slots"> &&
    because<!is_refused_for<R, Slot, flaw::a_union>(),
            "which member of a union counts is not known: say for each member how it reduces, as in "
            "reduce::members<reduce::by<reduce::sum, &T::count, &T::one_of_the_union>>, or give reduce::merge or "
            "reduce::slots"> &&
    because<!is_refused_for<R, Slot, flaw::many_members>(),
            "a struct of more than 32 members cannot be taken apart: put some into an array or a struct, or name them "
            "all, as in reduce::members<reduce::by<reduce::sum, &T::count, &T::bytes>>">;

/// What is wrong with a reduce::members.
enum class naming : std::uint8_t { right, foreign, twice, incomplete, unfit };

template <class R, class Slot>
inline constexpr naming naming_of = naming::right;

template <class R, class Slot>
concept well_named =
    because<naming_of<R, Slot> != naming::foreign, "reduce::by names a member of another struct than the slot"> &&
    because<naming_of<R, Slot> != naming::twice, "reduce::members names a member twice"> &&
    because<naming_of<R, Slot> != naming::incomplete,
            "reduce::members does not name every member once (of a union one): say how the others reduce, bit-fields "
            "too, by reduce::rest<reduce::any>"> &&
    because<naming_of<R, Slot> != naming::unfit,
            "a reducer in reduce::members does not take what it is given, or makes another type of it">;

}  // namespace reduce::detail

/// Turns per-CPU slots into one value: `mapped operator()(per_cpu_view<Slot const>) const`.
template <class R, class Slot>
concept reducer =
    reduce::detail::made_of_numbers<R, Slot> && reduce::detail::well_named<R, Slot> &&
    because<reduce::detail::takes_slots<R, Slot>,
            "a reducer is a default-constructible type with mapped operator()(per_cpu_view<Slot const>) const; sum, "
            "min, max and mean take numbers, arrays of numbers and structs of numbers, bit_or and bit_and take "
            "integers likewise: for other slots give reduce::any, reduce::members, reduce::slots or reduce::merge">;

/// What a reducer makes of slots.
template <class R, class Slot>
using reduced_t = std::remove_cvref_t<std::invoke_result_t<R const&, per_cpu_view<Slot const>>>;

/// Can also fill slots so that reducing them gives the value again:
/// `void scatter(mapped const&, per_cpu_view<Slot>) const`, or `bool`: false where no slots reduce to the
/// value, which the map reports as ERANGE.
template <class R, class Slot>
concept scattering_reducer =
    reducer<R, Slot> && because<requires(R const& r, reduced_t<R, Slot> const& value, per_cpu_view<Slot> slots) {
      r.scatter(value, slots);
    }, "this map is read-only: its reducer has no scatter() that turns a value back "
       "into per-CPU slots">;

/// Can also take the slots one by one, `void accumulate(mapped&, Slot const&) const noexcept`: from `mapped{}` on, slot
/// after slot in the order of CPUs, to what operator() makes of them together. striped_array then reduces whole runs
/// of elements at once.
template <class R, class Slot>
concept accumulating_reducer = reducer<R, Slot> && std::default_initializable<reduced_t<R, Slot>> &&
                               requires(R const& r, reduced_t<R, Slot>& to, Slot const& slot) {
                                 { r.accumulate(to, slot) } noexcept;
                               };

/// The values of all possible CPUs, by CPU id; owns them. What reduce::slots gives.
template <class Slot>
class per_cpu_values {
 public:
  using value_type = Slot;

  /// One zero for each CPU of `cpus`.
  explicit per_cpu_values(cpu_set const& cpus) : cpus_(cpus), values_(std::make_unique<Slot[]>(cpus.size())) {}
  explicit per_cpu_values(per_cpu_view<Slot const> slots) : per_cpu_values(slots.cpus()) {
    std::copy(slots.begin(), slots.end(), begin());
  }
  per_cpu_values(per_cpu_values const& other) : per_cpu_values(other.cpus_) {
    std::copy(other.begin(), other.end(), begin());
  }
  /// An object that was moved from is of no CPUs.
  per_cpu_values(per_cpu_values&&) noexcept = default;
  per_cpu_values& operator=(per_cpu_values const& other) { return *this = per_cpu_values(other); }
  per_cpu_values& operator=(per_cpu_values&&) noexcept = default;
  ~per_cpu_values() = default;

  /// How many CPUs have a value.
  [[nodiscard]] std::size_t size() const noexcept { return cpus_.size(); }
  /// The value of the CPU with this id, which must be possible.
  [[nodiscard]] Slot& operator[](cpu which) noexcept { return values_[cpus_.rank_of(which.id)]; }
  [[nodiscard]] Slot const& operator[](cpu which) const noexcept { return values_[cpus_.rank_of(which.id)]; }
  [[nodiscard]] bool contains(cpu which) const noexcept { return cpus_.contains(which.id); }
  [[nodiscard]] cpu_set const& cpus() const noexcept { return cpus_; }
  /// The values in the order of cpus().
  [[nodiscard]] Slot* begin() noexcept { return values_.get(); }
  [[nodiscard]] Slot* end() noexcept { return values_.get() + size(); }
  [[nodiscard]] Slot const* begin() const noexcept { return values_.get(); }
  [[nodiscard]] Slot const* end() const noexcept { return values_.get() + size(); }

  friend bool operator==(per_cpu_values const& a, per_cpu_values const& b) {
    return a.cpus_ == b.cpus_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  cpu_set cpus_;
  std::unique_ptr<Slot[]> values_;  // a std::vector<bool> would hold no bools
};

/// The reducers that bpfmap ships.
///
/// `sum`, `min`, `max`, `mean`, `bit_or` and `bit_and` work on numbers, on std::array and C arrays of them, and
/// on structs of them, member by member. Bytes (`unsigned char`) are numbers, arrays of characters are not; `any` takes
/// every slot, and `members` has a reducer for each member. A CPU that never touched an element holds zeros; `min`,
/// `max`, `mean` and `bit_and` leave such slots out, and their `_if` forms take another predicate. Reducing is not
/// atomic across CPUs: while programs write, a sum is of values read one after the other.
namespace reduce {

namespace detail {

template <class T>
constexpr T clamp_to(std::uint64_t value) {
  return value > static_cast<std::uint64_t>(std::numeric_limits<T>::max()) ? std::numeric_limits<T>::max()
                                                                           : static_cast<T>(value);
}
template <class T>
constexpr T clamp_to(std::int64_t value) {
  if (value > static_cast<std::int64_t>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  if (value < static_cast<std::int64_t>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  return static_cast<T>(value);
}

// a + b, where a result that does not fit a type narrower than 64 bits stops at the type's limit. Counters of
// 64 bits add as the BPF program adds them, modulo 2^64.
template <class T>
constexpr T add(T a, T b) {
  if constexpr (std::is_same_v<T, bool>) {
    return a || b;
  } else if constexpr (std::is_floating_point_v<T>) {
    return a + b;
  } else if constexpr (sizeof(T) >= 8) {
    return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) + static_cast<std::make_unsigned_t<T>>(b));
  } else if constexpr (std::is_unsigned_v<T>) {
    return clamp_to<T>(std::uint64_t{a} + std::uint64_t{b});
  } else {
    return clamp_to<T>(std::int64_t{a} + std::int64_t{b});
  }
}

// The sum of one number over CPUs. A single narrow integer is widened, so that no sum of it can overflow.
template <class T>
using sum_t = std::conditional_t<
    std::is_floating_point_v<T> || !std::is_arithmetic_v<T>, T,
    std::conditional_t<sizeof(T) >= 8, T, std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>>;

template <class Slot>
constexpr void fill(per_cpu_view<Slot> slots, std::type_identity_t<Slot> const& value) {
  for (Slot& slot : slots) slot = value;
}

}  // namespace detail

/// Numbers, or arrays or structs of numbers.
template <class T>
concept numeric = because<detail::is_numeric<T>(),
                          "this reducer works on numbers, arrays of numbers and structs of numbers: give another "
                          "one, such as reduce::merge or reduce::slots">;

/// Counts every slot.
struct every_slot {
  template <class Slot>
  constexpr bool operator()(Slot const&) const noexcept {
    return true;
  }
};

/// Counts the slots that a CPU has written to, as far as bytes can tell: those that are not all zero.
struct touched {
  template <class Slot>
  bool operator()(Slot const& slot) const noexcept {
    static constexpr std::array<std::byte, sizeof(Slot)> zeros{};
    return std::memcmp(static_cast<void const*>(&slot), zeros.data(), sizeof(Slot)) != 0;
  }
};

/// Adds the slots up. The default: what counters want.
///
/// A single integer narrower than 64 bits gives a 64-bit sum; narrow members of structs and arrays stop at
/// their type's limit instead of wrapping; a bool among them is set if any CPU has set it. scatter() gives the value to
/// the first CPU, and to further ones what the first cannot hold.
struct sum : detail::of_numbers {
  template <numeric Slot>
  detail::sum_t<Slot> operator()(per_cpu_view<Slot const> slots) const noexcept {
    detail::sum_t<Slot> total{};
    for (Slot const& slot : slots) accumulate<Slot>(total, slot);
    return total;
  }
  template <numeric Slot>
  void accumulate(detail::sum_t<Slot>& total, Slot const& slot) const noexcept {
    if constexpr (std::is_arithmetic_v<Slot>) {
      total = detail::add(total, static_cast<detail::sum_t<Slot>>(slot));
    } else {
      detail::for_each_number([](auto& to, auto const& from) { to = detail::add(to, from); }, total, slot);
    }
  }

  template <numeric Slot>
  bool scatter(detail::sum_t<Slot> const& value, per_cpu_view<Slot> slots) const noexcept {
    detail::fill(slots, Slot{});
    if constexpr (std::is_same_v<detail::sum_t<Slot>, Slot>) {
      if (slots.size() != 0) slots[0] = value;
      return slots.size() != 0;
    } else {
      auto rest = value;
      for (Slot& slot : slots) {
        slot = detail::clamp_to<Slot>(rest);
        rest = static_cast<detail::sum_t<Slot>>(rest - static_cast<detail::sum_t<Slot>>(slot));
        if (rest == 0) return true;
      }
      return rest == 0;
    }
  }
};

namespace detail {

// min, max, bit_or and bit_and are all this: combine the slots that count, number by number; a broadcast
// reduces to the value again. With no slot that counts the result is zero.
template <class Op, class Counts>
struct combine : of_numbers {
  template <numeric Slot>
    requires(!Op::integers_only || is_numeric<Slot, false>())
  Slot operator()(per_cpu_view<Slot const> slots) const noexcept {
    Slot result{};
    bool first = true;
    for (Slot const& slot : slots) {
      if (!Counts{}(slot)) continue;
      if (std::exchange(first, false)) {
        result = slot;
      } else {
        for_each_number([](auto& to, auto const& from) { to = Op{}(to, from); }, result, slot);
      }
    }
    return result;
  }

  // Slot by slot, where a result of zero can only mean that no slot has counted yet, or that it is all the same.
  template <numeric Slot>
    requires std::is_integral_v<Slot> && (Op::zero_changes_nothing || Op::keeps_nonzero) &&
             std::is_same_v<Counts, std::conditional_t<Op::zero_changes_nothing, every_slot, touched>>
  void accumulate(Slot& to, Slot const& slot) const noexcept {
    if constexpr (Op::zero_changes_nothing)
      to = Op{}(to, slot);
    else
      to = slot == 0 ? to : to == 0 ? slot : Op{}(to, slot);
  }

  template <numeric Slot>
  bool scatter(std::type_identity_t<Slot> const& value, per_cpu_view<Slot> slots) const noexcept {
    fill(slots, value);
    return Counts{}(value) || !touched{}(value);  // where no slot counts, zero is read
  }
};

struct smaller {
  static constexpr bool integers_only = false;
  static constexpr bool zero_changes_nothing = false;
  static constexpr bool keeps_nonzero = true;
  template <class T>
  constexpr T operator()(T a, T b) const noexcept {
    return b < a ? b : a;
  }
};
struct larger {
  static constexpr bool integers_only = false;
  static constexpr bool zero_changes_nothing = false;
  static constexpr bool keeps_nonzero = true;
  template <class T>
  constexpr T operator()(T a, T b) const noexcept {
    return a < b ? b : a;
  }
};
struct bits_or {
  static constexpr bool integers_only = true;
  static constexpr bool zero_changes_nothing = true;
  static constexpr bool keeps_nonzero = true;
  template <std::integral T>
  constexpr T operator()(T a, T b) const noexcept {
    return static_cast<T>(a | b);
  }
};
struct bits_and {
  static constexpr bool integers_only = true;
  static constexpr bool zero_changes_nothing = false;
  static constexpr bool keeps_nonzero = false;
  template <std::integral T>
  constexpr T operator()(T a, T b) const noexcept {
    return static_cast<T>(a & b);
  }
};

}  // namespace detail

/// The smallest of the slots for which `Counts` holds.
template <class Counts>
struct min_if : detail::combine<detail::smaller, Counts> {};
/// The largest of the slots for which `Counts` holds.
template <class Counts>
struct max_if : detail::combine<detail::larger, Counts> {};
/// The bits that all slots for which `Counts` holds have.
template <class Counts>
struct bit_and_if : detail::combine<detail::bits_and, Counts> {};

/// The smallest slot that a CPU has written to; zero if none has.
struct min : min_if<touched> {};
/// The largest slot that a CPU has written to; zero if none has.
struct max : max_if<touched> {};
/// The bits that any CPU has set.
struct bit_or : detail::combine<detail::bits_or, every_slot> {};
/// The bits that every CPU has set that has written at all.
struct bit_and : bit_and_if<touched> {};

/// The arithmetic mean of the slots for which `Counts` holds; integers round towards zero.
template <class Counts>
struct mean_if : detail::of_numbers {
  template <numeric Slot>
  Slot operator()(per_cpu_view<Slot const> slots) const noexcept {
    std::size_t count = 0;
    for (Slot const& slot : slots) count += Counts{}(slot) ? 1U : 0U;
    Slot result{};
    if (count == 0) return result;
    std::size_t number = 0;
    detail::for_each_number(
        [&](auto& to) { to = mean_of<std::remove_reference_t<decltype(to)>>(slots, count, number++); }, result);
    return result;
  }

  template <numeric Slot>
  bool scatter(std::type_identity_t<Slot> const& value, per_cpu_view<Slot> slots) const noexcept {
    detail::fill(slots, value);
    return Counts{}(value) || !touched{}(value);
  }

 private:
  // The mean of the `number`-th number of each slot that counts.
  template <class T, class Slot>
  static T mean_of(per_cpu_view<Slot const> slots, std::size_t count, std::size_t number) noexcept {
    using number_64 = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
    using wide =
        std::conditional_t<std::is_floating_point_v<T>, long double, std::conditional_t<(sizeof(T) > 8), T, number_64>>;
    auto const n = static_cast<wide>(count);
    wide whole{};
    wide rest{};
    bool first = true;
    for (Slot const& slot : slots) {
      if (!Counts{}(slot)) continue;
      std::size_t at = 0;
      detail::for_each_number(
          [&](auto const& from) {
            if (at++ != number) return;
            auto const value = static_cast<wide>(from);
            if constexpr (std::is_floating_point_v<T>) {
              // Differences from the first value, so that the mean of equal values is that value.
              if (std::exchange(first, false)) whole = value;
              if (std::not_equal_to<>{}(value, whole)) rest += (value - whole) / n;  // also where both are infinite
            } else {
              // Quotients and remainders apart: neither sum can overflow.
              whole += value / n;
              rest += value % n;
            }
          },
          slot);
    }
    if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(whole + rest);
    } else {
      wide const mean = whole + rest / n;
      wide const left = rest % n;
      // What is left over may point the other way: then the mean lies nearer to zero.
      if (mean > 0 && left < 0) return static_cast<T>(mean - 1);
      if (mean < 0 && left > 0) return static_cast<T>(mean + 1);
      return static_cast<T>(mean);
    }
  }
};

/// The arithmetic mean of the slots that a CPU has written to; zero if none has.
struct mean : mean_if<touched> {};

/// The slot of a CPU that has written to it, the first of them; zeros if none has. For what is the same on all CPUs or
/// where any will do: names, ids, flags, samples.
struct any {
  template <class Slot>
    requires std::is_trivially_copyable_v<Slot>
  Slot operator()(per_cpu_view<Slot const> slots) const noexcept {
    for (Slot const& slot : slots) {
      if (touched{}(slot)) return slot;
    }
    return slots.size() != 0 ? slots[0] : Slot{};
  }

  template <class Slot>
  bool scatter(std::type_identity_t<Slot> const& value, per_cpu_view<Slot> slots) const noexcept {
    detail::fill(slots, value);
    return slots.size() != 0;
  }
};

/// Any associative callable `Slot(Slot, Slot)`, such as a captureless lambda's type. Maps with it can be
/// written only if `F::identity` is a slot that changes nothing: `F(identity, x) == x`.
template <class F>
struct merge {
  template <class Slot>
    requires std::convertible_to<std::invoke_result_t<F, Slot, Slot>, Slot>
  Slot operator()(per_cpu_view<Slot const> slots) const noexcept(std::is_nothrow_invocable_v<F, Slot, Slot>) {
    Slot result{};
    for (std::size_t i = 0; i < slots.size(); ++i) result = i == 0 ? slots[0] : Slot(F{}(result, slots[i]));
    return result;
  }

  template <class Slot>
    requires requires {
      { F::identity } -> std::convertible_to<Slot>;
    }
  void scatter(std::type_identity_t<Slot> const& value, per_cpu_view<Slot> slots) const noexcept {
    for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = i + 1 == slots.size() ? value : Slot(F::identity);
  }
};

/// No reduction: every CPU's value, by CPU id. The way to see one CPU's slot, and to set each.
/// @cost two allocations for each value read: the values, and which CPUs they are of
struct slots {
  template <class Slot>
  per_cpu_values<Slot> operator()(per_cpu_view<Slot const> from) const {
    return per_cpu_values<Slot>(from);
  }

  template <class Slot>
  bool scatter(per_cpu_values<std::type_identity_t<Slot>> const& values, per_cpu_view<Slot> to) const noexcept {
    if (values.cpus() != to.cpus()) return false;
    std::size_t rank = 0;
    for (Slot const& value : values) to[rank++] = value;
    return true;
  }
};

}  // namespace reduce

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
