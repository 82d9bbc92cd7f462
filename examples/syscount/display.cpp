// SPDX-License-Identifier: MIT
#include "display.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "json.hpp"
#include "text.hpp"

namespace syscount {

namespace {

bool can_redraw() {
  char const* const kind = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

}  // namespace

display::display(options const& chosen)
    : options_(chosen), terminal_(!chosen.json && can_redraw()), next_(clock::now()) {
  if (!terminal_) next_ += std::chrono::seconds(1);
}

bool display::is_due() {
  auto const now = clock::now();
  if (options_.json || now < next_) return false;
  next_ += terminal_ ? std::chrono::milliseconds(200) : std::chrono::seconds(1);
  if (next_ < now) next_ = now;
  return true;
}

void display::show(report const& now) {
  if (!terminal_) {
    write(progress(now, options_.seconds));
    return;
  }
  winsize size{};
  bool const known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 && size.ws_col > 1;
  redraw(screen(now, options_.seconds, known ? size.ws_row : 24, known ? size.ws_col : 80));
}

void display::finish(report const& last) {
  if (options_.json)
    write(to_json(last, options_.top));
  else if (terminal_)
    redraw(full(last, options_.top));
  else
    write(full(last, options_.top));
}

// Writes over what was drawn before, line by line: a terminal that is cleared first flickers.
void display::redraw(std::string_view text) {
  std::string result = lines_ == 0 ? "" : fmt::format("\r\x1b[{}A", lines_);
  lines_ = 0;
  for (char const each : text) {
    if (each == '\n') {
      result += "\x1b[K";
      ++lines_;
    }
    result += each;
  }
  write(result + "\x1b[J");
}

void display::write(std::string const& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw std::system_error(errno, std::generic_category(), "standard output");
  }
}

}  // namespace syscount
