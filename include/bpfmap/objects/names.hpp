// SPDX-License-Identifier: MIT
#ifndef BPFMAP_OBJECTS_NAMES_HPP
#define BPFMAP_OBJECTS_NAMES_HPP

// Names that are like one that is not there.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <bpfmap/core/error_text.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// How many characters must be put in, left out or changed to make one of the other; of the first 63 only.
constexpr std::size_t edit_distance(std::string_view a, std::string_view b) noexcept {
  constexpr std::size_t most = 63;
  a = a.substr(0, most);
  b = b.substr(0, most);
  std::array<std::uint8_t, most + 1> row{};
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<std::uint8_t>(j);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::uint8_t diagonal = row[0];
    row[0] = static_cast<std::uint8_t>(i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      int const changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = static_cast<std::uint8_t>(std::min({changed, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row[b.size()];
}

/// The names of a list that are nearest to a wanted one, the nearest first.
class nearest_names {
 public:
  explicit nearest_names(std::string_view wanted) noexcept : wanted_(wanted) {}

  /// `name` must live until add_to().
  void offer(std::string_view name) noexcept {
    std::size_t const distance = edit_distance(wanted_, name);
    ++offered_;
    std::size_t at = kept_;
    while (at > 0 && best_[at - 1].distance > distance) --at;
    if (at == most) return;
    kept_ = std::min(kept_ + 1, most);
    std::move_backward(best_.begin() + static_cast<std::ptrdiff_t>(at),
                       best_.begin() + static_cast<std::ptrdiff_t>(kept_ - 1),
                       best_.begin() + static_cast<std::ptrdiff_t>(kept_));
    best_[at] = {name, distance};
  }
  /// `a, b, c and 12 more`, or `none`.
  void add_to(sentence& text) const noexcept {
    for (std::size_t i = 0; i < kept_; ++i) text.add(i == 0 ? "" : ", ", best_[i].name);
    if (offered_ > kept_) text.add(" and ", offered_ - kept_, " more");
    if (offered_ == 0) text.add("none");
  }

 private:
  struct candidate {
    std::string_view name;
    std::size_t distance = 0;
  };
  static constexpr std::size_t most = 8;

  std::string_view wanted_;
  std::array<candidate, most> best_{};
  std::size_t kept_ = 0;
  std::size_t offered_ = 0;
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
