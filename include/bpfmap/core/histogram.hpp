// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_HISTOGRAM_HPP
#define BPFMAP_CORE_HISTOGRAM_HPP

// Histograms that BPF programs fill, with bpfmap_log2_slot() and bpfmap_linear_slot() or in slots of other tools, read
// back.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include <bpfmap/core/error.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// Counts by the size of what was counted; a copy, made of a map's values.
/// @code
/// auto const latency = bpfmap::histogram::log2(object.map<bpfmap::percpu_array<std::uint64_t>>("latencies").values());
/// std::uint64_t p99 = latency.quantile(0.99);
/// std::fputs(latency.bars().c_str(), stdout);
/// @endcode
class histogram {
 public:
  /// Values from `low` to `high`, both included, and how many there were.
  struct bucket {
    std::uint64_t low;
    std::uint64_t high;
    std::uint64_t count;
    friend bool operator==(bucket const&, bucket const&) = default;
  };

  histogram() = default;

  /// How programs choose the slot of a value by its bits.
  enum log2_rule : std::uint8_t {
    bpfmap_slots,  ///< bpfmap_log2_slot(): slot 0 holds 0, slot s from 2^(s-1) to 2^s - 1, and slot 63 all from 2^62 on
    bcc_slots,     ///< log2l() of BCC's libbpf-tools: slot 0 holds 0 and 1, slot s from 2^s to 2^(s+1) - 1
    libbpf_tools_slots,  ///< the same, where the last slot takes all that is larger, as it does in libbpf-tools
    bpf_log2l_slots      ///< bpf_log2l() of BCC's own programs: slot 1 holds 0 and 1, slot s from 2^(s-1) to 2^s - 1
  };

  /// Of slots that double in width, in order.
  /// @param counts  at most 64 counts (bpf_log2l_slots: 65); those that are missing are 0
  /// @code
  /// auto const latency = bpfmap::histogram::log2(hist.slots, bpfmap::histogram::libbpf_tools_slots);
  /// @endcode
  template <std::ranges::input_range Counts>
    requires std::integral<std::ranges::range_value_t<Counts>>
  static histogram log2(Counts&& counts, log2_rule rule = bpfmap_slots) {
    bool const from_slot_0 = rule == bcc_slots || rule == libbpf_tools_slots;
    unsigned const slots = rule == bpf_log2l_slots ? 65 : 64;
    histogram made;
    unsigned slot = 0;
    for (auto const count : counts) {
      if (slot == slots) break;
      unsigned const bits = from_slot_0 ? slot + 1 : slot;  // of the slot's largest value
      // BCC has no slot for 0: it lies with 1.
      bool const holds_zero = bits == 0 || (bits == 1 && rule != bpfmap_slots);
      made.add(holds_zero ? 0 : std::uint64_t{1} << (bits - 1), static_cast<std::uint64_t>(count));
      ++slot;
      bool const open = slot == slots || rule == libbpf_tools_slots;
      made.buckets_.back().high = open || bits == 64 ? max_value : (std::uint64_t{1} << bits) - 1;
    }
    return made;
  }

  /// Of the slots of bpfmap_linear_slot(v, low, width, buckets), in order: the first holds what is below `low`, the
  /// last what is above all buckets. `low` and `width` (at least 1) are those of the program.
  template <std::ranges::input_range Counts>
    requires std::integral<std::ranges::range_value_t<Counts>>
  static histogram linear(Counts&& counts, std::uint64_t low, std::uint64_t width) {
    histogram made;
    std::uint64_t const step = std::max<std::uint64_t>(width, 1);
    std::uint64_t from = 0;
    std::uint64_t next = low;
    bool beyond = false;  // the largest number
    for (auto const count : counts) {
      made.add(from, static_cast<std::uint64_t>(count));
      from = beyond ? 0 : next;
      beyond = beyond || step > max_value - next;
      next += step;
    }
    return made;
  }

  /// Of slots with bounds of one's own: slot s holds from `lows[s]` to `lows[s + 1] - 1`, the last slot all from its
  /// bound on.
  /// @param counts  a count for each bound; those that are missing are 0, and those too many belong to the last slot
  /// @param lows    where slots begin, in ascending order; a slot whose bound is not above the one before it joins that
  ///                one's bucket
  /// @code
  /// std::uint64_t const lows[] = {0, 1'000, 10'000, 50'000};  // as the program compares
  /// auto const latency = bpfmap::histogram::bounded(counts.values(), lows);
  /// @endcode
  template <std::ranges::input_range Counts, std::ranges::input_range Lows>
    requires std::integral<std::ranges::range_value_t<Counts>> && std::integral<std::ranges::range_value_t<Lows>>
  static histogram bounded(Counts&& counts, Lows&& lows) {
    histogram made;
    auto count = std::ranges::begin(counts);
    auto const no_more = std::ranges::end(counts);
    for (auto const low : lows) {
      bool const counted = count != no_more;
      made.add(std::cmp_less(low, 0) ? 0 : static_cast<std::uint64_t>(low),
               counted ? static_cast<std::uint64_t>(*count) : 0);
      if (counted) ++count;
    }
    for (; count != no_more; ++count) made.add(0, static_cast<std::uint64_t>(*count));
    return made;
  }

  /// All buckets, in ascending order, empty ones included.
  [[nodiscard]] std::vector<bucket> const& buckets() const noexcept { return buckets_; }

  /// How many values were counted.
  [[nodiscard]] std::uint64_t count() const noexcept {
    std::uint64_t sum = 0;
    for (bucket const& each : buckets_) sum += each.count;
    return sum;
  }

  /// A value that at least `part` of all values do not exceed: the upper end of the bucket where that is reached
  /// (its lower end for the last bucket, which has no upper one). 0 if nothing was counted.
  /// @param part  from 0 to 1; 0.5 is the median
  [[nodiscard]] std::uint64_t quantile(double part) const noexcept {
    std::uint64_t const all = count();
    if (all == 0) return 0;
    double const wanted = std::clamp(part, 0.0, 1.0) * static_cast<double>(all);
    std::uint64_t seen = 0;
    for (bucket const& each : buckets_) {
      seen += each.count;
      if (each.count != 0 && static_cast<double>(seen) >= wanted) return each.high == max_value ? each.low : each.high;
    }
    return buckets_.back().low;
  }

  /// A line for each bucket from the first to the last that is not empty: its bounds, its count, and a bar.
  /// @param width  characters of the longest bar
  [[nodiscard]] std::string bars(std::size_t width = 40) const {
    auto const filled = [](bucket const& each) noexcept { return each.count != 0; };
    auto const first = std::ranges::find_if(buckets_, filled);
    if (first == buckets_.end()) return "nothing was counted\n";
    auto const last = std::find_if(buckets_.rbegin(), buckets_.rend(), filled).base();
    std::uint64_t most = 0;
    std::size_t label_width = 0;
    std::size_t count_width = 0;
    for (auto at = first; at != last; ++at) {
      most = std::max(most, at->count);
      label_width = std::max(label_width, label(*at).size());
      count_width = std::max(count_width, std::to_string(at->count).size());
    }
    std::string text;
    for (auto at = first; at != last; ++at) {
      std::string const bounds = label(*at);
      std::string const number = std::to_string(at->count);
      text.append(label_width - bounds.size(), ' ').append(bounds).append(" | ");
      text.append(count_width - number.size(), ' ').append(number);
      auto const length = static_cast<std::size_t>(
          std::llround(static_cast<double>(at->count) / static_cast<double>(most) * static_cast<double>(width)));
      // What was counted at all is seen.
      if (at->count != 0) text.append(" ").append(std::max<std::size_t>(length, 1), '#');
      text.append("\n");
    }
    return text;
  }

 private:
  static constexpr std::uint64_t max_value = std::numeric_limits<std::uint64_t>::max();

  static std::string label(bucket const& each) {
    if (each.high == max_value) return detail::join(each.low, " and more");
    if (each.low == each.high) return std::to_string(each.low);
    return detail::join(each.low, " - ", each.high);
  }

  // A slot that begins at `low` ends the one before it. What no value can be in (below 0, or behind the largest number)
  // has no bucket of its own: should something be counted there, it joins its neighbour, so that no count is lost.
  void add(std::uint64_t low, std::uint64_t count) {
    if (buckets_.empty()) {
      buckets_.push_back({low, max_value, count});
    } else if (low > buckets_.back().low) {
      buckets_.back().high = low - 1;
      buckets_.push_back({low, max_value, count});
    } else {
      buckets_.back().count += count;
    }
  }

  std::vector<bucket> buckets_;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
