// SPDX-License-Identifier: MIT
// core/cstring.hpp: text that ends in a null character, and only such text.

#include <bpfmap/core/cstring.hpp>

#include "print.hpp"

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace {

using bpfmap::cstring_view;

static_assert(sizeof(cstring_view) == sizeof(char const*));
static_assert(std::is_trivially_copyable_v<cstring_view>);
static_assert(std::is_nothrow_default_constructible_v<cstring_view>);

static_assert(std::is_nothrow_convertible_v<char const*, cstring_view>);
static_assert(std::is_nothrow_convertible_v<char const (&)[5], cstring_view>);
static_assert(std::is_nothrow_convertible_v<std::string const&, cstring_view>);
static_assert(std::is_nothrow_convertible_v<cstring_view, std::string_view>);

static_assert(!std::is_constructible_v<cstring_view, std::string_view>);
static_assert(!std::is_constructible_v<cstring_view, std::vector<char>>);
static_assert(!std::is_constructible_v<cstring_view, std::wstring>);
static_assert(!std::is_constructible_v<cstring_view, int>);
static_assert(!std::is_constructible_v<cstring_view, char>);

static_assert(std::string_view(cstring_view("flows")) == "flows");
static_assert(std::string_view(cstring_view()).empty());
static_assert(*cstring_view(nullptr).c_str() == '\0');

}  // namespace

BOOST_AUTO_TEST_SUITE(cstring_hpp)

BOOST_AUTO_TEST_CASE(it_shows_the_text_that_it_was_made_from) {
  std::string const owner = "/sys/fs/bpf/flows";
  BOOST_TEST(cstring_view(owner).c_str() == owner.c_str());
  BOOST_TEST(std::string_view(cstring_view(owner)) == owner);
}

BOOST_AUTO_TEST_CASE(it_ends_where_the_kernel_stops_reading) {
  std::string const cut("ab\0cd", 5);
  BOOST_TEST(std::string_view(cstring_view(cut)) == "ab");
}

BOOST_AUTO_TEST_SUITE_END()
