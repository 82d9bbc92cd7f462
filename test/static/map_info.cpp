// SPDX-License-Identifier: MIT
// engine/map_info.hpp: how a map differs from what a class needs, and why a map cannot be created, in words.

#include <bpfmap/engine/map_info.hpp>

#include "print.hpp"

#include <cerrno>
#include <string>
#include <string_view>
#include <type_traits>

namespace {

using namespace bpfmap;

static_assert(std::is_aggregate_v<create_options> && std::is_aggregate_v<map_info>);
static_assert(std::is_trivially_copyable_v<map_info>);
std::error_code ec;
static_assert(noexcept(map_info::read(0, ec)) && noexcept(map_info{}.name()));

static_assert(detail::valid_name("") && detail::valid_name("flows_2.v6") && detail::valid_name("abcdefghijklmno"));
static_assert(!detail::valid_name("abcdefghijklmnop") && !detail::valid_name("a-b") && !detail::valid_name("a b") &&
              !detail::valid_name("\xc3\xa4"));

constexpr detail::map_expectation wanted{
    .type = map_type::hash, .key_size = 8, .value_size = 16, .flags = map_flags::zero_seed};

map_info fitting() {
  map_info info;
  info.type = map_type::hash;
  info.key_size = 8;
  info.value_size = 16;
  info.flags = map_flags::zero_seed | map_flags::no_prealloc;
  return info;
}

std::string problems(map_type type, create_options const& options) {
  return detail::creation_problems({.type = type, .key_size = 4, .value_size = 8, .flags = 0}, options);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(map_info_hpp)

BOOST_AUTO_TEST_CASE(a_map_that_fits_has_no_differences) {
  BOOST_TEST(detail::fits(wanted, fitting()));
  BOOST_TEST(detail::differences(wanted, fitting()) == "");
}

BOOST_AUTO_TEST_CASE(every_difference_is_told_with_both_sides) {
  map_info info = fitting();
  info.type = map_type::lru_hash;
  info.key_size = 4;
  info.value_size = 24;
  info.flags = map_flags::numa_node;
  BOOST_TEST(!detail::fits(wanted, info));
  BOOST_TEST(detail::differences(wanted, info) ==
             "type is lru_hash, expected hash; key size is 4, expected 8; value size is 24, expected 16; "
             "flags is numa_node, expected also zero_seed");
}

BOOST_AUTO_TEST_CASE(a_map_fits_if_and_only_if_it_has_no_differences) {
  auto const agree = [](map_info const& info) {
    BOOST_TEST(detail::fits(wanted, info) == detail::differences(wanted, info).empty());
  };
  agree(fitting());
  map_info other = fitting();
  other.type = map_type{1000};
  agree(other);
  BOOST_TEST(detail::differences(wanted, other) == "type is type number 1000, expected hash");
  other = fitting();
  other.flags = 0;
  agree(other);
  other = fitting();
  other.value_size = 0;
  agree(other);
  other = fitting();
  other.max_entries = 5;
  agree(other);
}

BOOST_AUTO_TEST_CASE(flags_are_told_by_name_and_unknown_ones_by_number) {
  BOOST_TEST(detail::flag_names(0) == "none");
  BOOST_TEST(detail::flag_names(map_flags::mmapable) == "mmapable");
  BOOST_TEST(detail::flag_names(map_flags::no_prealloc | map_flags::rb_overwrite) == "no_prealloc|rb_overwrite");
  BOOST_TEST(detail::flag_names(1U << 30 | map_flags::clone) == "clone|1073741824");
  BOOST_TEST(detail::flag_names(1U << 31) == "2147483648");
}

BOOST_AUTO_TEST_CASE(a_name_of_the_kernels_ends_at_its_null_or_after_16_characters) {
  map_info info;
  BOOST_TEST(info.name() == "");
  std::string_view const full = "0123456789abcdef";
  full.copy(info.name_chars, full.size());
  BOOST_TEST(info.name() == full);
  info.name_chars[5] = '\0';
  BOOST_TEST(info.name() == "01234");
}

BOOST_AUTO_TEST_CASE(every_problem_of_creating_a_map_is_told) {
  using enum map_type;
  BOOST_TEST(problems(hash, {.name = "flows", .max_entries = 1}) == "");
  BOOST_TEST(problems(hash, {}) == "max_entries is 0");
  BOOST_TEST(problems(sk_storage, {.max_entries = 1}) == "max_entries must be 0");
  BOOST_TEST(problems(percpu_array, {.max_entries = 1, .flags = map_flags::mmapable}) ==
             "flags that a percpu_array does not take: mmapable");
  BOOST_TEST(problems(percpu_hash, {.max_entries = 1, .numa_node = 0}) == "a percpu_hash cannot choose its NUMA node");
  BOOST_TEST(problems(hash, {.max_entries = 1, .map_extra = 3}) == "map_extra means nothing to a hash");
  BOOST_TEST(problems(hash, {.name = "a-b", .map_extra = 3}) ==
             "the name 'a-b' must have at most 15 characters of A-Z a-z 0-9 _ .; max_entries is 0; "
             "map_extra means nothing to a hash");
  BOOST_TEST(detail::creation_problems({.type = lpm_trie, .key_size = 264, .value_size = 5 << 20, .flags = 0},
                                       {.max_entries = 1}) ==
             "the key is larger than 260; the value is larger than 4194304");
}

BOOST_AUTO_TEST_CASE(the_hint_of_a_failed_creation_is_the_problem_or_what_the_errno_means) {
  detail::map_expectation const arena{.type = map_type::arena, .key_size = 0, .value_size = 0, .flags = 0};
  constexpr detail::privileges none{};
  auto const hint = [&](int number) { return detail::creation_hint(arena, {.max_entries = 1}, number, none); };
  BOOST_TEST(hint(EINVAL).ends_with("arena needs Linux 6.9"));
  BOOST_TEST(hint(EPERM).starts_with("creating maps needs CAP_BPF"));
  BOOST_TEST(detail::creation_hint({.type = map_type::sockmap, .key_size = 4, .value_size = 4, .flags = 0},
                                   {.max_entries = 1}, EPERM, none)
                 .find("CAP_NET_ADMIN") != std::string::npos);
  BOOST_TEST(hint(EIO) == "");
  // To who has every capability, "run as root" is no help; root of a user namespace is not root.
  constexpr detail::privileges all{.effective = ~std::uint64_t{0}};
  BOOST_TEST(detail::creation_hint(arena, {.max_entries = 1}, EPERM, all).find("lockdown") != std::string::npos);
  constexpr detail::privileges namespaced{.effective = ~std::uint64_t{0}, .initial_user_namespace = false};
  BOOST_TEST(detail::creation_hint(arena, {.max_entries = 1}, EPERM, namespaced).find("is not root") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
