// SPDX-License-Identifier: MIT
#ifndef SYSCOUNT_DISPLAY_HPP
#define SYSCOUNT_DISPLAY_HPP

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "options.hpp"
#include "report.hpp"

namespace syscount {

/// Standard output: redrawn in place on a terminal, a line a second elsewhere; as JSON, only the
/// end.
class display {
 public:
  explicit display(options const& chosen);

  /// Whether show() is to be called now.
  [[nodiscard]] bool is_due();
  /// @throws std::system_error standard output cannot be written
  void show(report const& now);
  void finish(report const& last);

 private:
  using clock = std::chrono::steady_clock;

  void redraw(std::string_view text);
  static void write(std::string const& text);

  options const& options_;
  bool terminal_;
  clock::time_point next_;
  std::size_t lines_ = 0;  // drawn on the terminal, above the cursor
};

}  // namespace syscount

#endif
