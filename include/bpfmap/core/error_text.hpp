// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_ERROR_TEXT_HPP
#define BPFMAP_CORE_ERROR_TEXT_HPP

// Text of bounded length, made without allocating: the sentences of functions that are noexcept, and what this
// thread's last failure was.

#include <charconv>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <system_error>
#include <type_traits>

#include <bpfmap/core/error.hpp>

namespace bpfmap::inline BPFMAP_ABI {

namespace detail {

/// At most `Capacity` bytes of text. What does not fit is cut off, and an ellipsis says so.
template <std::size_t Capacity>
class bounded_text {
 public:
  template <class... Part>
  bounded_text& add(Part const&... parts) noexcept {
    (add_one(parts), ...);
    return *this;
  }
  /// Adds `separator` unless this is the beginning.
  bounded_text& separate(std::string_view separator) noexcept { return empty() ? *this : add(separator); }
  void clear() noexcept {
    size_ = 0;
    cut_ = false;
    chars_[0] = '\0';
  }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::string_view view() const noexcept { return {chars_, size_}; }
  [[nodiscard]] operator std::string_view() const noexcept { return view(); }

 private:
  static constexpr std::string_view ellipsis = "…";
  static_assert(Capacity > ellipsis.size());

  template <class T>
  void add_one(T const& part) noexcept {
    if constexpr (std::is_integral_v<T>) {
      char digits[24];
      auto const made = std::to_chars(digits, digits + sizeof digits, part);
      append({digits, static_cast<std::size_t>(made.ptr - digits)});
    } else {
      append(std::string_view(part));
    }
  }

  void append(std::string_view text) noexcept {
    if (cut_) return;
    std::size_t const room = Capacity - ellipsis.size() - size_;
    cut_ = text.size() > room;
    if (cut_) {
      std::size_t end = room;
      while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;  // not within a character
      text = text.substr(0, end);
    }
    copy(text);
    if (cut_) copy(ellipsis);
  }
  void copy(std::string_view text) noexcept {
    if (text.empty()) return;
    std::memcpy(chars_ + size_, text.data(), text.size());
    size_ += text.size();
    chars_[size_] = '\0';
  }

  std::size_t size_ = 0;
  bool cut_ = false;
  char chars_[Capacity + 1]{};  // always ends in a null character
};

/// A sentence, and a name.
using sentence = bounded_text<1024>;
using short_name = bounded_text<128>;

// strerror_r is of one of two kinds, whichever the C library chose.
inline char const* strerror_answer(char const* text, char const*) noexcept { return text; }
inline char const* strerror_answer(int failed, char const* buffer) noexcept { return failed == 0 ? buffer : ""; }

/// What `number` means, as error_code::message() says it, but allocates nothing.
template <std::size_t Capacity>
void add_message(bounded_text<Capacity>& text, int number) noexcept {
  if (std::string_view const own = own_message(number); !own.empty()) {
    text.add(own);
    return;
  }
  char buffer[128] = {};
  text.add(strerror_answer(::strerror_r(number, buffer, sizeof buffer), buffer));
}

/// The last failure of a thread.
struct last_failure {
  bounded_text<1536> text;
  std::size_t hint = 0;  ///< where the hint begins in `text`
  short_name name;       ///< of the map, program or variable
};
inline thread_local last_failure the_last_failure;

/// Remembers a failure: what what() says, in the same words.
inline void note_failure(std::error_code code, operation what, std::string_view subject, std::string_view name,
                         std::string_view hint) noexcept {
  last_failure& last = the_last_failure;
  last.text.clear();
  last.name.clear();
  last.name.add(name);
  last.text.add(to_string(what));
  if (!subject.empty()) last.text.add(" on ", subject);
  last.text.add(": ");
  add_message(last.text, code.value());
  if (auto const symbol = errno_symbol(code.value()); !symbol.empty()) last.text.add(" [", symbol, "]");
  if (!hint.empty()) last.text.add(": ");
  last.hint = last.text.size();
  last.text.add(hint);
}
inline std::string_view last_hint() noexcept { return the_last_failure.text.view().substr(the_last_failure.hint); }

}  // namespace detail

/// What the what() of this thread's last failed call would have said, for callers that use error codes.
///
/// Written by the functions of bpfmap::object, object_map, program and by fit_to_machine() when they fail, and by no
/// other: an element operation costs nothing for it. Bounded: the verifier's log is not in it.
/// @return empty if nothing has failed; ends in a null character; valid until the next failure of this thread
/// @cost none
/// @code
/// object.load(ec);
/// if (ec) std::fprintf(stderr, "%s\n", bpfmap::last_error_text().data());
/// @endcode
inline std::string_view last_error_text() noexcept { return detail::the_last_failure.text; }

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
