// SPDX-License-Identifier: MIT
// core/error.hpp: codes that compare with std::errc, symbols, and the text of bpfmap::error.

#include <bpfmap/core/error.hpp>

#include "print.hpp"

#include <cerrno>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace {

using namespace bpfmap;

static_assert(std::is_base_of_v<std::system_error, error>);
static_assert(std::is_base_of_v<std::runtime_error, error>);
static_assert(!std::is_default_constructible_v<error>);
static_assert(std::is_copy_constructible_v<error> && std::is_nothrow_destructible_v<error>);
static_assert(noexcept(make_error(1)) && noexcept(bpf_category()) && noexcept(errno_symbol(1)));
static_assert(
    noexcept(std::declval<error const&>().what()) && noexcept(std::declval<error const&>().hint()) && noexcept(
        std::declval<error const&>().operation()) && noexcept(std::declval<error const&>().map_name()));

static_assert(errno_symbol(E2BIG) == "E2BIG" && errno_symbol(enotsupp) == "ENOTSUPP");
static_assert(errno_symbol(0).empty() && errno_symbol(-E2BIG).empty() && errno_symbol(4000).empty());
// Linux has one number for both.
static_assert(EOPNOTSUPP == ENOTSUP && errno_symbol(ENOTSUP) == "EOPNOTSUPP");

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

BOOST_AUTO_TEST_SUITE(error_hpp)

BOOST_AUTO_TEST_CASE(codes_compare_with_the_standard_conditions) {
  BOOST_TEST((make_error(EPERM) == std::errc::operation_not_permitted));
  BOOST_TEST((make_error(ENOENT) == std::errc::no_such_file_or_directory));
  BOOST_TEST((make_error(E2BIG) == std::errc::argument_list_too_long));
  BOOST_TEST((make_error(E2BIG) != std::errc::no_space_on_device));
}

BOOST_AUTO_TEST_CASE(both_kinds_of_not_supported_compare_equal_to_it) {
  BOOST_TEST((make_error(EOPNOTSUPP) == std::errc::operation_not_supported));
  BOOST_TEST((make_error(enotsupp) == std::errc::operation_not_supported));
  BOOST_TEST((make_error(enotsupp) != make_error(EOPNOTSUPP)));
}

BOOST_AUTO_TEST_CASE(the_sign_of_an_errno_does_not_matter_and_zero_is_success) {
  BOOST_TEST((make_error(-EINVAL) == make_error(EINVAL)));
  BOOST_TEST(make_error(-EINVAL).value() == EINVAL);
  BOOST_TEST(!make_error(0));
}

BOOST_AUTO_TEST_CASE(there_is_one_category) {
  BOOST_TEST(&make_error(EINVAL).category() == &bpf_category());
  BOOST_TEST(bpf_category().name() == std::string("bpf"));
  BOOST_TEST((bpf_category() != std::generic_category()));
}

BOOST_AUTO_TEST_CASE(numbers_without_a_text_of_the_systems_have_one_of_bpfmaps) {
  std::set<std::string> texts;
  texts.insert(make_error(enotsupp).message());
  // libbpf's own numbers.
  for (int number = 4000; number < 4014; ++number) texts.insert(make_error(number).message());
  BOOST_TEST(texts.size() == 15U);
  for (std::string const& text : texts) BOOST_TEST(!contains(text, "Unknown"));
  BOOST_TEST(make_error(EINVAL).message() == std::generic_category().message(EINVAL));
}

BOOST_AUTO_TEST_CASE(symbols_are_unique_and_look_like_symbols) {
  std::set<std::string_view> symbols;
  for (auto const& [number, symbol] : detail::errno_names) {
    BOOST_TEST(number > 0);
    BOOST_TEST(symbols.insert(symbol).second);
    BOOST_TEST(symbol.front() == 'E');
    BOOST_TEST(symbol.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ2") == symbol.npos);
  }
}

BOOST_AUTO_TEST_CASE(the_errnos_of_the_table_have_symbols) {
  for (map_traits const& row : all_traits()) {
    element_errnos const& errnos = row.errnos;
    for (int const number : {errnos.absent, errnos.full, errnos.noexist_on_present, errnos.exist_on_absent,
                             errnos.erase_absent, row.commands.mmap.refusal, row.commands.erase.refusal}) {
      BOOST_TEST((number == 0 || !errno_symbol(number).empty()), row.name << ": " << number);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_error_tells_the_whole_story_in_one_line) {
  error const failed(make_error(E2BIG), operation::insert_or_assign, "'flows' (hash, key 8, value 16)", "flows",
                     "the map already holds its 1024 entries");
  BOOST_TEST(failed.what() ==
             std::string("insert_or_assign on 'flows' (hash, key 8, value 16): Argument list too long [E2BIG]: "
                         "the map already holds its 1024 entries"));
  BOOST_TEST((failed.code() == std::errc::argument_list_too_long));
  BOOST_TEST(failed.operation() == "insert_or_assign");
  BOOST_TEST(failed.map_name() == "flows");
  BOOST_TEST(failed.hint() == "the map already holds its 1024 entries");
}

BOOST_AUTO_TEST_CASE(an_error_leaves_out_what_is_not_known) {
  BOOST_TEST(error(make_error(EBADF), operation::find, "", "", "").what() ==
             "find: " + make_error(EBADF).message() + " [EBADF]");
  // No symbol: no brackets.
  BOOST_TEST(error(make_error(4005), operation::load, "", "", "").what() == "load: " + make_error(4005).message());
}

BOOST_AUTO_TEST_CASE(an_error_can_be_caught_as_what_it_is_and_as_a_standard_one) {
  BOOST_CHECK_THROW(detail::raise(make_error(EPERM), operation::create, "'a'", "a", ""), error);
  BOOST_CHECK_THROW(detail::raise(make_error(EPERM), operation::create, "'a'", "a", ""), std::system_error);
}

BOOST_AUTO_TEST_CASE(hints_say_what_an_errno_means_for_the_type) {
  auto const hint = [](map_type type, operation what, int number,
                       bpfmap::access opened_for = bpfmap::access::read_write) {
    return detail::element_hint(traits_of(type), what, number, 1024, opened_for);
  };
  using enum map_type;
  BOOST_TEST(hint(hash, operation::insert, E2BIG) == "the map already holds its 1024 entries");
  BOOST_TEST(hint(lpm_trie, operation::insert, ENOSPC) == "the map already holds its 1024 entries");
  BOOST_TEST(hint(array, operation::insert_or_assign, E2BIG) == "the index is out of range: the map has 1024 entries");
  // Not the errno by which this type says that it is full.
  BOOST_TEST(hint(lpm_trie, operation::insert, E2BIG).empty());
  BOOST_TEST(hint(lru_hash, operation::insert, E2BIG).empty());
  BOOST_TEST(contains(hint(hash, operation::erase, EPERM), "frozen"));
  BOOST_TEST(!contains(hint(hash, operation::find, EPERM), "frozen"));
  BOOST_TEST(hint(hash, operation::find, EPERM) == "CAP_BPF is missing");
  BOOST_TEST(contains(hint(hash, operation::extract, enotsupp), "5.14"));
  BOOST_TEST(contains(hint(stack, operation::erase, enotsupp), "stack"));
  BOOST_TEST(hint(hash, operation::find, ENOENT).empty());
}

// Over the table, so that an operation that is added cannot be told of wrongly.
BOOST_AUTO_TEST_CASE(only_what_an_operation_asks_of_the_descriptor_is_named_when_that_is_refused) {
  for (detail::operation_traits const& each : detail::operation_table) {
    BOOST_TEST_CONTEXT(each.name) {
      BOOST_TEST(to_string(each.what) == each.name);
      auto const refused = [&](bpfmap::access opened_for) {
        return detail::element_hint(traits_of(map_type::hash), each.what, EPERM, 1024, opened_for);
      };
      BOOST_TEST(contains(refused(bpfmap::access::read_only), "read-only") == each.writes);
      BOOST_TEST(contains(refused(bpfmap::access::write_only), "write-only") == each.reads);
      BOOST_TEST(contains(refused(bpfmap::access::read_write), "frozen") == each.writes);
      BOOST_TEST(!contains(refused(bpfmap::access::read_write), "-only"));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
