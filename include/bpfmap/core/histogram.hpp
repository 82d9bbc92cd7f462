// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_HISTOGRAM_HPP
#define BPFMAP_CORE_HISTOGRAM_HPP

// Histograms that BPF programs fill with bpfmap_log2_slot() and bpfmap_linear_slot(), read back.

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

  /// Of the slots of bpfmap_log2_slot(), in order: slot 0 holds 0, slot s from 2^(s-1) to 2^s - 1, and slot 63 all
  /// from 2^62 on.
  /// @param counts  at most 64 counts; those that are missing are 0
  template <std::ranges::input_range Counts>
    requires std::integral<std::ranges::range_value_t<Counts>>
  static histogram log2(Counts&& counts) {
    histogram made;
    std::size_t slot = 0;
    for (auto const count : counts) {
      if (slot == log2_slots) break;
      std::uint64_t const low = slot == 0 ? 0 : std::uint64_t{1} << (slot - 1);
      std::uint64_t const high = slot == 0 ? 0 : slot == log2_slots - 1 ? max_value : 2 * low - 1;
      made.buckets_.push_back({low, high, static_cast<std::uint64_t>(count)});
      ++slot;
    }
    return made;
  }

  /// Of the slots of bpfmap_linear_slot(v, low, width, buckets), in order: the first holds what is below `low`, the
  /// last what is above all buckets. `low` and `width` (at least 1) are those of the program.
  template <std::ranges::input_range Counts>
    requires std::integral<std::ranges::range_value_t<Counts>>
  static histogram linear(Counts&& counts, std::uint64_t low, std::uint64_t width) {
    histogram made;
    std::uint64_t from = 0;
    std::uint64_t next = low;
    for (auto const count : counts) {
      // With low == 0 nothing can be below it: that slot is always empty, and is left out.
      if (next != 0) made.buckets_.push_back({from, next - 1, static_cast<std::uint64_t>(count)});
      from = next;
      next += std::max<std::uint64_t>(width, 1);
    }
    if (!made.buckets_.empty()) made.buckets_.back().high = max_value;
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
    auto const filled = [](bucket const& each) { return each.count != 0; };
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
  static constexpr std::size_t log2_slots = 64;
  static constexpr std::uint64_t max_value = std::numeric_limits<std::uint64_t>::max();

  static std::string label(bucket const& each) {
    if (each.high == max_value) return detail::join(each.low, " and more");
    if (each.low == each.high) return std::to_string(each.low);
    return detail::join(each.low, " - ", each.high);
  }

  std::vector<bucket> buckets_;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
