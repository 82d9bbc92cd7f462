// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_CSTRING_HPP
#define BPFMAP_CORE_CSTRING_HPP

#include <concepts>
#include <string>
#include <string_view>

#include <bpfmap/core/concepts.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// A parameter that the kernel or libbpf reads up to its null character: a path, a name. Made from a string
/// literal, a `char const*` or a std::string, but not from a std::string_view, which need not end there.
class cstring_view {
 public:
  constexpr cstring_view() noexcept : chars_("") {}
  constexpr cstring_view(char const* chars) noexcept : chars_(chars == nullptr ? "" : chars) {}
  cstring_view(std::string const& string) noexcept : chars_(string.c_str()) {}

  template <std::same_as<std::string_view> View>
    requires because<!std::same_as<View, std::string_view>,
                     "a std::string_view need not end in a null character: make a std::string of it">
  cstring_view(View) noexcept;

  [[nodiscard]] constexpr char const* c_str() const noexcept { return chars_; }
  [[nodiscard]] constexpr operator std::string_view() const noexcept { return chars_; }

 private:
  char const* chars_;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
